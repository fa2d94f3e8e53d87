"""What ours and the reference client share: the same calls on the same API, so that nothing but the package differs."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.peers.lanes import in_lanes
from bench.peers.peer import BasePeer

_KEY = "bench"
_SMALLEST_BATCH = 16  # the reference client allows 512 at once and more only with such batches, even for batch_post


class PerformanceClientPeer(BasePeer):
    """A PerformanceClient of a subclass's `package`, called in the `preference=` style."""

    package: ModuleType

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        package = self.package
        self.client = package.PerformanceClient(base_url=base_url, api_key=_KEY, http_version=http_version)
        self.policy = package.RequestProcessingPreference(
            max_concurrent_requests=min(concurrency, 1024), batch_size=batch, max_chars_per_request=1_048_576
        )
        self.post_policy = package.RequestProcessingPreference(
            max_concurrent_requests=min(concurrency, 1024), batch_size=_SMALLEST_BATCH
        )
        self.loop = asyncio.new_event_loop()

    def post(self, payloads: list[Any]) -> list[Any]:
        answers: list[Any] = self.client.batch_post("/tiny", payloads, preference=self.post_policy).data
        return answers

    def post_one_by_one(self, payloads: list[Any]) -> list[Any]:
        return [self.client.batch_post("/tiny", [payload]).data[0] for payload in payloads]

    def post_each(self, payloads: list[Any]) -> list[Any]:
        return self.loop.run_until_complete(in_lanes(self.post_one, payloads, self.concurrency))

    async def post_one(self, payload: Any) -> Any:
        return (await self.client.async_batch_post("/tiny", [payload])).data[0]

    def embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        array: NDArray[numpy.float32] = self.client.embed(input=texts, model="m", preference=self.policy).numpy()
        return array

    def embed_lists(self, texts: list[str]) -> list[list[float]]:
        response = self.client.embed(input=texts, model="m", preference=self.policy)
        return [item.embedding for item in response.data]

    def embed_one_by_one(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return [self.client.embed(input=[text], model="m").numpy()[0] for text in texts]

    def embed_each(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        async def call(text: str) -> NDArray[numpy.float32]:
            response = await self.client.async_embed(input=[text], model="m")
            array: NDArray[numpy.float32] = response.numpy()[0]
            return array

        return self.loop.run_until_complete(in_lanes(call, texts, self.concurrency))

    def rerank(self, texts: list[str]) -> list[Any]:
        results: list[Any] = self.client.rerank(query="query", texts=texts, preference=self.policy).data
        for result in results:
            _ = result.index, result.score
        return results

    def classify(self, texts: list[str]) -> list[list[Any]]:
        groups: list[list[Any]] = self.client.classify(inputs=texts, preference=self.policy).data
        for group in groups:
            for result in group:
                _ = result.label, result.score
        return groups

    def create(self, base_urls: list[str]) -> list[Any]:
        return [self.package.PerformanceClient(base_url=url, api_key=_KEY) for url in base_urls]

    def close(self) -> None:
        self.loop.close()
