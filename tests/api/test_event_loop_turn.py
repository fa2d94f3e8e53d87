"""Large calls leave the event loop responsive: a ticker goes on ticking. Ticks are counted, never timed."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings


async def ticks_during(call: Any) -> tuple[Any, int]:
    """The result of an awaited call, and how many turns of the event loop it saw meanwhile."""
    ticks = 0

    async def ticker() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(ticker())
    await asyncio.sleep(0)
    ticks = 0
    response = await call()
    ticking.cancel()
    return response, ticks


def test_large_embed(server: Server) -> None:
    texts = [f"text {i}" for i in range(10000)]
    client = PerformanceClient(server.url, "k")

    async def main() -> tuple[Any, int]:
        return await ticks_during(lambda: client.async_embed(texts, "m", dimensions=8, batch_size=50))

    response, ticks = asyncio.run(main())
    assert numpy.array_equal(response.numpy(), embeddings(texts, 8))
    # 200 answers in portions of at most 64; in truth it is thousands.
    assert ticks > 10


def test_many_payloads(server: Server) -> None:
    client = PerformanceClient(server.url, "k")

    async def main() -> tuple[Any, int]:
        return await ticks_during(lambda: client.async_batch_post("/x", list(range(5000))))

    response, ticks = asyncio.run(main())
    assert response.data == list(range(5000))
    assert ticks > 50


def test_large_answers_of_batch_post(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    payload = [{"number": i, "text": "x" * 50} for i in range(2000)]

    async def main() -> tuple[Any, int]:
        return await ticks_during(lambda: client.async_batch_post("/x", [payload] * 100))

    response, ticks = asyncio.run(main())
    assert response.data == [payload] * 100
    # 100 answers that take longer to parse than a turn may last: one turn each, more or less.
    assert ticks > 30


def test_other_calls_go_on_beside_a_large_one(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.002), "k")

    async def main() -> int:
        large = client.async_embed([f"text {i}" for i in range(2000)], "m", batch_size=2, max_concurrent_requests=4)
        small = 0
        while not large.done():  # type: ignore[attr-defined]
            await client.async_batch_post("/x", [small])
            small += 1
        await large
        return small

    # The large call makes 250 rounds of 2 ms; small ones need one each.
    assert asyncio.run(main()) > 10
