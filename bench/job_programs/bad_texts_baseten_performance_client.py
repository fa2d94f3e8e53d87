"""A failure ends a call and loses its answers, so its user makes a call of each batch, and halves what is refused."""

import asyncio

from baseten_performance_client import PerformanceClient, RequestProcessingPreference
from requests import HTTPError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential
from tqdm import tqdm

TRANSIENT = retry_if_exception(lambda error: not isinstance(error, HTTPError) or error.args[0] in (429, 500, 502, 503))


async def embed_all(base_url, texts, out):
    client = PerformanceClient(base_url, "key")
    preference = RequestProcessingPreference(batch_size=32)
    places = asyncio.Semaphore(32)

    @retry(retry=TRANSIENT, wait=wait_random_exponential(max=60), stop=stop_after_attempt(10), reraise=True)
    async def embed(batch):
        async with places:
            return await client.async_embed(input=batch, model="m", preference=preference)

    async def fill(start, stop):
        try:
            response = await embed(texts[start:stop])
        except HTTPError as error:
            if error.args[0] != 400:
                raise
            if stop - start > 1:
                middle = (start + stop) // 2
                await asyncio.gather(fill(start, middle), fill(middle, stop))
                return
        else:
            out[start:stop] = response.numpy()
        progress.update(stop - start)

    with tqdm(total=len(texts), disable=None) as progress:
        batches = [(start, min(start + 32, len(texts))) for start in range(0, len(texts), 32)]
        await asyncio.gather(*(fill(*batch) for batch in batches))


def run(base_url, texts, out, requests_per_minute):
    asyncio.run(embed_all(base_url, texts, out))
