"""Hundreds of requests in flight: the limit is reached and never passed, under both ways of sleeping."""

from __future__ import annotations

import asyncio

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


@pytest.mark.parametrize("concurrency", [1, 7, 64, 512, 1024])
def test_limit_is_reached_and_kept(server: Server, poller: str, concurrency: int) -> None:
    client = PerformanceClient(server.faulty(latency=0.4 if concurrency > 64 else 0.02), "key")
    payloads = list(range(2 * concurrency + concurrency // 2))
    assert client.batch_post("/same", payloads, max_concurrent_requests=concurrency).data == payloads
    statistics = server.statistics()
    assert statistics.requests == len(payloads)
    assert statistics.peak_concurrent_requests <= concurrency
    # A server that is busy accepting a thousand connections may have answered the first by the time the last is open.
    assert statistics.peak_concurrent_requests >= concurrency * 0.8
    assert statistics.connections_opened <= concurrency


@pytest.mark.parametrize("concurrency", [512, 1024])
def test_limit_in_asyncio(server: Server, poller: str, concurrency: int) -> None:
    client = PerformanceClient(server.faulty(latency=0.4), "key")

    async def call() -> None:
        payloads = list(range(2 * concurrency))
        response = await client.async_batch_post("/same", payloads, max_concurrent_requests=concurrency)
        assert response.data == payloads

    asyncio.run(asyncio.wait_for(call(), 60))
    statistics = server.statistics()
    assert concurrency * 0.8 <= statistics.peak_concurrent_requests <= concurrency


def test_limit_is_of_each_operation(server: Server, poller: str) -> None:
    """The limit is a call's own: ten calls of ten have a hundred in flight."""
    client = PerformanceClient(server.faulty(latency=0.3), "key")

    async def calls() -> None:
        await asyncio.gather(
            *(client.async_batch_post("/same", [i] * 20, max_concurrent_requests=10) for i in range(10))
        )

    asyncio.run(asyncio.wait_for(calls(), 60))
    assert 80 <= server.statistics().peak_concurrent_requests <= 100


def test_refused_requests_hold_no_slot(server: Server, poller: str) -> None:
    """Half of the requests are refused once; the limit holds all the same, and each is answered in its place."""
    client = PerformanceClient(server.faulty(status=429, times=1, containing="again", retry_after_ms=20), "key")
    payloads = [["again", i] if i % 2 else ["once", i] for i in range(20)]
    response = client.batch_post("/same", payloads, max_concurrent_requests=4)
    assert response.data == payloads
    statistics = server.statistics()
    assert statistics.requests == 30
    assert statistics.peak_concurrent_requests <= 4


def test_a_thousand_connections_and_then_one(server: Server, poller: str) -> None:
    """Connections of a large call serve the small ones after it."""
    client = PerformanceClient(server.url, "key")
    slow = PerformanceClient(server.faulty(latency=0.2), "key", client_wrapper=client.get_client_wrapper())
    slow.batch_post("/same", [0] * 512, max_concurrent_requests=512)
    opened = server.statistics().connections_opened
    for i in range(50):
        assert client.batch_post("/same", [i]).data == [i]
    assert server.statistics().connections_opened == opened
