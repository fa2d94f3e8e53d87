"""Calls at the same time on one client: a small one does not wait for a large one."""

from __future__ import annotations

import asyncio

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server


def test_a_small_call_beside_a_large_one_ends_in_its_own_time(server: Server, poller: str) -> None:
    client = PerformanceClient(server.faulty(latency=0.02), "key")
    large = RequestProcessingPreference(max_concurrent_requests=64, batch_size=1)
    # 20 ms each, 64 at a time: more than five seconds in all.  A small call takes one or two such times.
    texts = [f"text {number}" for number in range(16384)]

    async def both() -> None:
        long = client.async_embed(texts, "m", preference=large)
        for _ in range(5):
            response = await client.async_embed(texts[:3], "m", preference=RequestProcessingPreference(batch_size=1))
            assert response.numpy().shape[0] == 3
        # As long as the large one has requests to start, it keeps all its slots busy.
        assert not long.done()
        assert server.statistics().requests < 16384
        long.cancel()

    asyncio.run(both())


def test_small_calls_from_threads_beside_a_large_one(server: Server, poller: str) -> None:
    client = PerformanceClient(server.faulty(latency=0.02), "key")

    async def both() -> None:
        long = client.async_batch_post("/any", list(range(16384)), max_concurrent_requests=64)
        small = [asyncio.to_thread(client.batch_post, "/any", [1, 2, 3]) for _ in range(10)]
        for response in await asyncio.gather(*small):
            assert len(response.data) == 3
        assert not long.done()
        long.cancel()

    asyncio.run(both())
