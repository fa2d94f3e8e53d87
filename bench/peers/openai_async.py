"""AsyncOpenAI on aiohttp, the faster of its transports; OpenAI for one call after the other; batches made by hand."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any

import numpy
from numpy.typing import NDArray
from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI

from bench.peers.lanes import batches, in_lanes

_KEY = "bench"
_TIMEOUT = 600.0  # for each phase; its own 5 s for connecting run out while its event loop is busy parsing


class Peer:
    """Its `/v1/embeddings` calls; its generic `post` for tiny payloads. It knows no reranking and no classification."""

    def __init__(self, base_url: str, batch: int, concurrency: int) -> None:
        self.batch = batch
        self.concurrency = concurrency
        self.loop = asyncio.new_event_loop()
        self.url = f"{base_url}/v1"
        self.client = AsyncOpenAI(
            base_url=self.url, api_key=_KEY, max_retries=0, timeout=_TIMEOUT, http_client=DefaultAioHttpClient()
        )
        self.post_url = f"{base_url}/tiny"

    @cached_property
    def _sync_client(self) -> OpenAI:
        return OpenAI(base_url=self.url, api_key=_KEY, max_retries=0)

    def post(self, payloads: list[Any]) -> list[Any]:
        return self.loop.run_until_complete(in_lanes(self.post_one, payloads, self.concurrency))

    post_each = post

    async def post_one(self, payload: Any) -> Any:
        return await self.client.post(self.post_url, cast_to=object, body=payload)

    def post_one_by_one(self, payloads: list[Any]) -> list[Any]:
        return [self._sync_client.post(self.post_url, cast_to=object, body=payload) for payload in payloads]

    def embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        async def call(batch: list[str]) -> NDArray[numpy.float32]:
            response = await self.client.embeddings.create(input=batch, model="m", encoding_format="float")
            return numpy.array([item.embedding for item in response.data], dtype=numpy.float32)

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return numpy.concatenate(self.loop.run_until_complete(parts))

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        """Without encoding_format it asks for base64 and decodes to lists of floats, which is its users' way."""

        async def call(batch: list[str]) -> NDArray[numpy.float32]:
            response = await self.client.embeddings.create(input=batch, model="m")
            return numpy.array([item.embedding for item in response.data], dtype=numpy.float32)

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return numpy.concatenate(self.loop.run_until_complete(parts))

    def embed_each(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        async def call(text: str) -> NDArray[numpy.float32]:
            response = await self.client.embeddings.create(input=[text], model="m", encoding_format="float")
            return numpy.array(response.data[0].embedding, dtype=numpy.float32)

        return self.loop.run_until_complete(in_lanes(call, texts, self.concurrency))

    def create(self, base_urls: list[str]) -> list[Any]:
        return [AsyncOpenAI(base_url=url, api_key=_KEY, max_retries=0) for url in base_urls]

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())
        self.loop.close()
