"""How far ahead streams pull, and many of them at once: in one thread, in several, and in event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

Make = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}


def test_the_source_is_not_pulled_further_than_needed(client: PerformanceClient, way: Any) -> None:
    """Back-pressure: an endless source, of which the consumer takes little."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"text {pulled}"

    if not way.awaits:
        with client.iter_embed(endless(), "m", **SMALL) as stream:
            assert [next(stream).start for _ in range(10)] == list(range(0, 40, 4))
    else:

        async def take() -> None:
            async with client.iter_embed(way.source(endless()), "m", **SMALL) as stream:
                assert [(await anext(stream)).start for _ in range(10)] == list(range(0, 40, 4))

        asyncio.run(take())
    # The window: half as many requests again as may be in flight, and 16; four of them while an early answer is late.
    assert pulled <= 4 * (10 + 4 * (4 + 2 + 16) + 1)


def test_retries_hedges_and_several_streams_at_once(server: Server, poller: str, faulty: Make) -> None:
    """Many requests, some of which fail at first, on all loops."""
    client = faulty(every=7, status=503)
    texts = [f"text {i}" for i in range(3000)]
    expected = PerformanceClient(server.url, "key").embed(texts, "m").numpy()
    streams = [
        client.iter_embed(
            iter(texts), "m", batch_size=4, max_concurrent_requests=64, hedge_delay=0.2, max_retries=6, ordered=ordered
        )
        for ordered in (True, False)
    ]
    rows = [numpy.zeros_like(expected) for _ in streams]
    seen: list[set[int]] = [set(), set()]
    open_streams = {0, 1}
    while open_streams:
        for number in sorted(open_streams):
            batch = next(streams[number], None)
            if batch is None:
                open_streams.discard(number)
                continue
            assert batch.start not in seen[number]
            seen[number].add(batch.start)
            rows[number][batch.start : batch.stop] = batch.numpy()
    assert all(numpy.array_equal(each, expected) for each in rows)


def test_threads(client: PerformanceClient) -> None:
    """Each has streams of its own, on the same connections."""
    payloads = [{"number": i} for i in range(300)]

    def consume(_: int) -> list[Any]:
        return [item.data[0] for item in client.iter_batch_post("/same", iter(payloads), max_concurrent_requests=16)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(consume, range(4))) == [payloads] * 4


def test_many_event_loops(client: PerformanceClient) -> None:
    """A stream belongs to the event loop in which it was begun; others have streams of their own."""

    async def count() -> int:
        return len([batch async for batch in client.iter_embed(iter(TEXTS), "m", **SMALL)])

    for _ in range(3):
        assert asyncio.run(count()) == 13


def test_streams_beside_calls_in_one_event_loop(client: PerformanceClient, trickle: Make) -> None:
    async def both() -> None:
        stream = client.iter_embed(trickle(TEXTS), "m", **SMALL)

        async def consume() -> int:
            return sum([len(batch) async for batch in stream])

        counted, *responses = await asyncio.gather(
            consume(), *[client.async_batch_post("/same", [{"i": i}]) for i in range(20)]
        )
        assert counted == 50
        assert [response.data for response in responses] == [[{"i": i}] for i in range(20)]

    asyncio.run(both())
