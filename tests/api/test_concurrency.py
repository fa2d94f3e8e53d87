"""max_concurrent_requests is reached, and never exceeded; requests start in input order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")


async def check_reached(server: Server, start: Callable[[PerformanceClient], Any], limit: int) -> None:
    """Start calls that never get an answer: as many requests as allowed arrive, and then no more."""
    started = start(PerformanceClient(server.faulty(stall=True), "k"))
    for _ in range(4000):
        if server.statistics().requests_active == limit:
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    statistics = server.statistics()
    assert statistics.requests_active == statistics.peak_concurrent_requests == statistics.requests == limit
    started.cancel()
    await asyncio.gather(started, return_exceptions=True)
    for _ in range(4000):
        if server.statistics().requests_active == 0:  # or it would count them after a reset, too
            break
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("limit", [1, 2, 3, 16, 100, 300])
def test_reached(server: Server, limit: int) -> None:
    payloads = list(range(2 * limit + 5))
    asyncio.run(check_reached(server, lambda client: client.async_batch_post("/x", payloads, limit), limit))


def test_the_default_of_a_preference(server: Server) -> None:
    payloads, preference = list(range(300)), RequestProcessingPreference()
    asyncio.run(check_reached(server, lambda client: client.async_batch_post("/x", payloads, preference), 256))
    server.reset()
    asyncio.run(check_reached(server, lambda client: client.async_batch_post("/x", payloads), 256))


def test_the_default_of_the_seed(server: Server) -> None:
    texts = [f"text {i}" for i in range(200)]
    asyncio.run(check_reached(server, lambda client: client.async_embed(texts, "m", batch_size=1), 128))


def test_it_is_a_figure_of_the_call_and_not_of_the_client(server: Server) -> None:
    def start(client: PerformanceClient) -> Any:
        return asyncio.gather(*(client.async_batch_post("/x", list(range(10)), 2) for _ in range(5)))

    asyncio.run(check_reached(server, start, 10))


@pytest.mark.parametrize("limit", [1, 2, 7, 50])
def test_never_exceeded(server: Server, limit: int) -> None:
    client = PerformanceClient(server.faulty(latency=0.005), "k")
    client.batch_post("/x", list(range(6 * limit)), max_concurrent_requests=limit)
    assert server.statistics().requests == 6 * limit
    assert server.statistics().peak_concurrent_requests <= limit


def test_never_exceeded_by_retries(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.01, status=503, times=1), "k")
    preference = RequestProcessingPreference(max_concurrent_requests=10, initial_backoff_ms=50)
    client.batch_post("/x", list(range(60)), preference)
    assert server.statistics().requests == 120
    assert server.statistics().peak_concurrent_requests <= 10


def test_never_exceeded_by_async_calls(server: Server) -> None:
    async def main() -> Any:
        client = PerformanceClient(server.faulty(latency=0.01), "k")
        return await client.async_embed([f"t{i}" for i in range(60)], "m", batch_size=2, max_concurrent_requests=7)

    asyncio.run(main())
    assert server.statistics().requests == 30
    assert server.statistics().peak_concurrent_requests <= 7


@pytest.mark.parametrize("latency", [0.0, 0.002])
def test_fifo_with_a_concurrency_of_one(server: Server, latency: float) -> None:
    client = PerformanceClient(server.faulty(latency=latency) if latency else server.url, "k")
    client.batch_post("/x", list(range(300)), max_concurrent_requests=1)
    assert [int(request.body) for request in server.requests()] == list(range(300))
    assert server.statistics().connections_opened == 1


def test_starts_are_nearly_fifo_with_more(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.01), "k")
    client.batch_post("/x", list(range(200)), max_concurrent_requests=8)
    order = [int(request.body) for request in server.requests()]
    # Connections may overtake each other on their way, so only most of them are near their place.
    displacements = sorted(abs(position - number) for position, number in enumerate(order))
    assert displacements[100] <= 16


def test_ten_thousand_small_requests(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    response = client.batch_post("/x", list(range(10000)), max_concurrent_requests=128)
    assert response.data == list(range(10000))
    statistics = server.statistics()
    assert statistics.requests == 10000
    assert statistics.peak_concurrent_requests <= 128
    assert statistics.connections_opened <= 128


def test_threads_on_one_client(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    found: dict[int, Any] = {}

    def call(number: int) -> None:
        for repeat in range(5):
            found[number * 5 + repeat] = client.batch_post("/x", [[number, repeat, i] for i in range(20)]).data

    threads = [threading.Thread(target=call, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n * 5 + r: [[n, r, i] for i in range(20)] for n in range(32) for r in range(5)}
    assert server.statistics().requests == 32 * 5 * 20


def test_threads_with_all_operations(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.005), "k")
    texts = [f"text {i}" for i in range(40)]
    expected = [
        client.embed(texts, "m").numpy().tolist(),
        client.rerank("q", texts).data,
        client.classify(texts).data,
        client.batch_post("/x", texts).data,
    ]
    wrong: list[int] = []

    def call(number: int) -> None:
        calls = [
            lambda: client.embed(texts, "m").numpy().tolist(),
            lambda: client.rerank("q", texts).data,
            lambda: client.classify(texts).data,
            lambda: client.batch_post("/x", texts).data,
        ]
        if calls[number % 4]() != expected[number % 4]:
            wrong.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
