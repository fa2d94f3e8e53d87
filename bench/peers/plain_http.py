"""What the hand-written peers share: batches, payloads and results around one plain HTTP request."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.peers.answers import base64_rows, classified, ranked, rows
from bench.peers.lanes import batches, in_lanes


class PlainHttpPeer(ABC):
    """A subclass says how one JSON payload is posted. Answers become arrays as they arrive, so none is held as text."""

    def __init__(self, base_url: str, batch: int, concurrency: int) -> None:
        self.base_url = base_url
        self.batch = batch
        self.concurrency = concurrency
        self.loop = asyncio.new_event_loop()

    @abstractmethod
    async def answer(self, path: str, payload: Any) -> Any:
        """Posts the payload to base_url + path and returns the parsed 2xx answer; raises for any other status."""

    def post(self, payloads: list[Any]) -> list[Any]:
        return self.loop.run_until_complete(in_lanes(self.post_one, payloads, self.concurrency))

    post_each = post

    async def post_one(self, payload: Any) -> Any:
        return await self.answer("/tiny", payload)

    def embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        async def call(batch: list[str]) -> NDArray[numpy.float32]:
            return rows(await self.answer("/v1/embeddings", {"input": batch, "model": "m"}))

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return numpy.concatenate(self.loop.run_until_complete(parts))

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        async def call(batch: list[str]) -> NDArray[numpy.float32]:
            payload = {"input": batch, "model": "m", "encoding_format": "base64"}
            return base64_rows(await self.answer("/v1/embeddings", payload))

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return numpy.concatenate(self.loop.run_until_complete(parts))

    def embed_each(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        async def call(text: str) -> NDArray[numpy.float32]:
            only: NDArray[numpy.float32] = rows(await self.answer("/v1/embeddings", {"input": [text], "model": "m"}))[0]
            return only

        return self.loop.run_until_complete(in_lanes(call, texts, self.concurrency))

    def rerank(self, texts: list[str]) -> list[tuple[int, float]]:
        async def call(batch: list[str]) -> Any:
            return await self.answer("/rerank", {"query": "query", "texts": batch})

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return ranked(self.loop.run_until_complete(parts), self.batch)

    def classify(self, texts: list[str]) -> list[list[tuple[str, float]]]:
        async def call(batch: list[str]) -> Any:
            return await self.answer("/predict", {"inputs": [[text] for text in batch]})

        parts = in_lanes(call, batches(texts, self.batch), self.concurrency)
        return classified(self.loop.run_until_complete(parts))
