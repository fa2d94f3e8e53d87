"""It asks for base64 by itself. A place is taken before a batch is pulled, so that memory stays flat."""

import asyncio
from itertools import islice

from openai import APIConnectionError, AsyncOpenAI, DefaultAioHttpClient, InternalServerError, RateLimitError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tqdm import tqdm

TRANSIENT = retry_if_exception_type((APIConnectionError, InternalServerError, RateLimitError))


async def embed_all(base_url, texts, out):
    client = AsyncOpenAI(base_url=f"{base_url}/v1", api_key="key", http_client=DefaultAioHttpClient())
    places = asyncio.Semaphore(32)
    tasks = set()

    @retry(retry=TRANSIENT, wait=wait_random_exponential(max=60), stop=stop_after_attempt(6), reraise=True)
    async def embed(batch):
        return await client.embeddings.create(input=batch, model="m")

    async def fill(start, batch):
        try:
            response = await embed(batch)
            out[start : start + len(batch)] = [item.embedding for item in response.data]
            progress.update(len(batch))
        finally:
            places.release()

    start = 0
    with tqdm(total=len(out), disable=None) as progress:
        while batch := list(islice(texts, 100)):
            await places.acquire()
            task = asyncio.create_task(fill(start, batch))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            start += len(batch)
        await asyncio.gather(*tasks)
    await client.close()


def run(base_url, texts, out):
    asyncio.run(embed_all(base_url, texts, out))
