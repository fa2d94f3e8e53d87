"""A batch that is refused is halved until the bad texts stand alone."""

import asyncio

import openai
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tqdm import tqdm

TRANSIENT = retry_if_exception_type((openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError))


async def embed_all(base_url, texts, out):
    client = openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="key", http_client=openai.DefaultAioHttpClient())
    places = asyncio.Semaphore(32)

    @retry(retry=TRANSIENT, wait=wait_random_exponential(max=60), stop=stop_after_attempt(10), reraise=True)
    async def embed(batch):
        async with places:
            return await client.embeddings.create(input=batch, model="m")

    async def fill(start, stop):
        try:
            response = await embed(texts[start:stop])
        except openai.BadRequestError:
            if stop - start > 1:
                middle = (start + stop) // 2
                await asyncio.gather(fill(start, middle), fill(middle, stop))
                return
        else:
            out[start:stop] = [item.embedding for item in response.data]
        progress.update(stop - start)

    with tqdm(total=len(texts), disable=None) as progress:
        batches = [(start, min(start + 32, len(texts))) for start in range(0, len(texts), 32)]
        await asyncio.gather(*(fill(*batch) for batch in batches))
    await client.close()


def run(base_url, texts, out, requests_per_minute):
    asyncio.run(embed_all(base_url, texts, out))
