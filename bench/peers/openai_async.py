"""AsyncOpenAI on aiohttp, the faster of its transports; OpenAI for one call after the other; batches made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import numpy
from numpy.typing import NDArray
from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultAsyncHttpxClient, OpenAI
from openai.types import CreateEmbeddingResponse

from bench.peers.lanes import batches, in_lanes
from bench.peers.peer import BasePeer

_KEY = "bench"
_TIMEOUT = 600.0  # for each phase; its own 5 s for connecting run out while its event loop is busy parsing


class Peer(BasePeer):
    """Its `/v1/embeddings` calls; its generic `post` for tiny payloads. It knows no reranking and no classification.

    format: what each embeddings call asks for besides texts and model.
    """

    format: ClassVar[dict[str, Any]] = {"encoding_format": "float"}

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.loop = asyncio.new_event_loop()
        self.url = f"{base_url}/v1"
        # aiohttp has no HTTP/2.
        http_client = DefaultAioHttpClient() if http_version == 1 else DefaultAsyncHttpxClient(http2=True)
        self.client = AsyncOpenAI(
            base_url=self.url, api_key=_KEY, max_retries=0, timeout=_TIMEOUT, http_client=http_client
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
        return numpy.concatenate(self.embed_stream(texts))

    def embed_stream(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return self._answers(texts, rows, self.format)

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        """Without encoding_format it asks for base64 and decodes to lists of floats, which is its users' way."""
        return numpy.concatenate(self._answers(texts, rows, {}))

    def embed_lists(self, texts: list[str]) -> list[list[float]]:
        return [vector for part in self._answers(texts, lists, self.format) for vector in part]

    def embed_one_by_one(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        create = self._sync_client.embeddings.create
        return [rows(create(input=[text], model="m", **self.format))[0] for text in texts]

    def embed_each(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        async def call(text: str) -> NDArray[numpy.float32]:
            only: NDArray[numpy.float32] = rows(
                await self.client.embeddings.create(input=[text], model="m", **self.format)
            )[0]
            return only

        return self.loop.run_until_complete(in_lanes(call, texts, self.concurrency))

    def _answers(self, texts: list[str], result: Callable[[Any], Any], form: dict[str, Any]) -> list[Any]:
        """Batches of texts; each response becomes a result as it arrives."""

        async def call(batch: list[str]) -> Any:
            return result(await self.client.embeddings.create(input=batch, model="m", **form))

        return self.loop.run_until_complete(in_lanes(call, batches(texts, self.batch), self.concurrency))

    def create(self, base_urls: list[str]) -> list[Any]:
        return [AsyncOpenAI(base_url=url, api_key=_KEY, max_retries=0) for url in base_urls]

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())
        self.loop.close()


def lists(response: CreateEmbeddingResponse) -> list[list[float]]:
    """One list of floats per input."""
    return [item.embedding for item in response.data]


def rows(response: CreateEmbeddingResponse) -> NDArray[numpy.float32]:
    """(inputs, dim)."""
    return numpy.array(lists(response), dtype=numpy.float32)
