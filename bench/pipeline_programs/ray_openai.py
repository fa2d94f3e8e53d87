"""Ray Data, and AsyncOpenAI with a semaphore in one actor."""

import asyncio

import numpy
import ray
from openai import AsyncOpenAI


class Embed:
    def __init__(self, base_url):
        self.base_url = base_url

    def __call__(self, batch):
        batch["embedding"] = asyncio.run(self.embed_all(batch["text"].tolist()))
        return batch

    async def embed_all(self, texts):
        places = asyncio.Semaphore(32)
        async with AsyncOpenAI(base_url=f"{self.base_url}/v1", api_key="key", max_retries=5) as client:

            async def embed(part):
                async with places:
                    return await client.embeddings.create(input=part, model="m")

            parts = [texts[start : start + 100] for start in range(0, len(texts), 100)]
            responses = await asyncio.gather(*map(embed, parts))
        return numpy.array([item.embedding for response in responses for item in response.data], numpy.float32)


def run(base_url, source, out):
    (
        ray.data.read_parquet(source)
        .map_batches(
            Embed, fn_constructor_args=(base_url,), batch_size=10_000, batch_format="numpy", num_cpus=0.5,
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        .write_parquet(out)
    )  # fmt: skip
