"""What the hand-written peers on asyncio share."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.peers.lanes import in_lanes
from bench.peers.plain_http import EMBEDDINGS, PlainHttpPeer, row, singles


class AsyncHttpPeer(PlainHttpPeer):
    """A subclass says how one JSON payload is posted."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.loop = asyncio.new_event_loop()

    @abstractmethod
    async def answer(self, path: str, payload: Any) -> Any:
        """Posts the payload to base_url + path and returns the parsed 2xx answer; raises for any other status."""

    @abstractmethod
    def blocking_answer(self, path: str, payload: Any) -> Any:
        """The same without asyncio, where it can."""

    def answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        async def call(payload: Any) -> Any:
            return result(await self.answer(path, payload))

        return self.loop.run_until_complete(in_lanes(call, payloads, self.concurrency))

    def blocking_answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        return [result(self.blocking_answer(path, payload)) for payload in payloads]

    async def post_one(self, payload: Any) -> Any:
        return await self.answer("/tiny", payload)

    def post(self, payloads: list[Any]) -> list[Any]:
        return self.loop.run_until_complete(in_lanes(self.post_one, payloads, self.concurrency))

    post_each = post

    def embed_each(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return self.answers(EMBEDDINGS, singles(texts), row)
