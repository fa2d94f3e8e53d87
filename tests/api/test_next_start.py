"""Streams that end early: what was given stays, and the error says where to go on."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestFailed
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}


async def trickle() -> AsyncIterator[str]:
    for text in TEXTS:
        await asyncio.sleep(0)
        yield text


def consumed(stream: Any, awaits: bool, given: list[int]) -> None:
    """Append the start of each batch to `given`, in a thread or in an event loop."""

    async def consume() -> None:
        async for batch in stream:
            given.append(batch.start)

    if awaits:
        asyncio.run(consume())
        return
    for batch in stream:
        given.append(batch.start)


def started(client: PerformanceClient, awaits: bool, **options: Any) -> Any:
    return client.iter_embed(trickle() if awaits else iter(TEXTS), "m", **{**SMALL, **options})


@pytest.mark.parametrize("awaits", [False, True], ids=["for", "async for"])
@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "in any order"])
def test_what_had_arrived_and_where_to_go_on(server: Server, poller: str, awaits: bool, ordered: bool) -> None:
    """The second of 13 requests never ends. All others are answered when it is cancelled."""
    token = CancellationToken()

    def cancel(done: int, total: int | None) -> None:
        if done == 46:
            token.cancel()

    client = PerformanceClient(server.faulty(containing='"text 5"', stall=True), "key")
    stream = started(client, awaits, ordered=ordered, cancel_token=token, progress=cancel)
    assert stream.next_start == 0
    given: list[int] = []
    with pytest.raises(OperationCancelled) as raised:
        consumed(stream, awaits, given)
    later = list(range(8, 50, 4))
    assert sorted(given) == ([0] if ordered else [0, *later])
    assert [batch.start for batch in raised.value.partial] == (later if ordered else [])
    assert raised.value.next_start == stream.next_start == 4
    if ordered:
        expected = PerformanceClient(server.url, "key").embed(TEXTS, "m").numpy()
        rows = numpy.concatenate([batch.numpy() for batch in raised.value.partial])
        assert numpy.array_equal(rows, expected[8:])


@pytest.mark.parametrize("awaits", [False, True], ids=["for", "async for"])
def test_every_end_says_where_to_go_on(server: Server, awaits: bool) -> None:
    """A refused request, a time-out, an exception of the source, and of Ctrl-C's kind."""

    def failing(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    def source() -> Iterator[str]:
        yield from TEXTS[:22]
        raise LookupError

    refusing = PerformanceClient(server.faulty(containing='"text 13"', status=404), "key")
    stalling = PerformanceClient(server.faulty(containing='"text 13"', stall=True), "key")
    ends: list[tuple[Any, type[BaseException], int]] = [
        (started(refusing, awaits, max_concurrent_requests=1), requests.exceptions.HTTPError, 12),
        (started(stalling, awaits, total_timeout_s=1.0), requests.exceptions.Timeout, 12),  # less on a busy machine
        (PerformanceClient(server.url, "key").iter_embed(source(), "m", batch_size=4), LookupError, 20),
        (started(refusing, awaits, progress=failing), KeyboardInterrupt, 0),
    ]
    for stream, kind, start in ends:
        given: list[int] = []
        with pytest.raises(kind) as raised:
            consumed(stream, awaits, given)
        ended: Any = raised.value
        if kind is requests.exceptions.Timeout:
            start = min(start, 4 * len(given))
        if kind is not KeyboardInterrupt or not awaits:  # asyncio.run raises one of its own
            assert ended.next_start == start
        assert stream.next_start == start
        assert given == list(range(0, start, 4))


def test_ctrl_c_while_it_waits(server: Server, eventually: Callable[..., None]) -> None:
    stream = started(PerformanceClient(server.faulty(containing='"text 13"', stall=True), "key"), False)
    given: list[int] = []

    def interrupt() -> None:
        eventually(lambda: server.statistics().requests_active == 1 and given == [0, 4, 8])
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt) as raised:
        consumed(stream, False, given)
    interrupting.join()
    ended: Any = raised.value
    assert (ended.next_start, stream.next_start, ended.partial[0].start) == (12, 12, 16)


def test_a_cancelled_task_and_its_stream(server: Server) -> None:
    """The stream stays open, and can be read on."""
    client = PerformanceClient(server.faulty(containing='"text 5"', stall=True), "key")

    async def consume() -> None:
        stream = started(client, True)
        assert (await anext(stream)).start == 0
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await waiting
        ended: Any = raised.value
        assert ended.next_start == stream.next_start == 4 and not stream.closed
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        assert stream.next_start == 4
        stream.close()
        assert stream.next_start == 4

    asyncio.run(consume())


def test_breaking_off_and_coming_to_the_end(client: PerformanceClient) -> None:
    with started(client, False) as stream:
        for batch in stream:
            assert stream.next_start == batch.stop
            if batch.start == 8:
                break
    assert stream.next_start == 12
    stream = started(client, False, ordered=False)
    assert sum(map(len, stream)) == 50 == stream.next_start
    stream = client.iter_embed([], "m")
    assert list(stream) == [] and stream.next_start == 0
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        client.embed(["a"], "m", url_path="/-/status=400")
    assert isinstance(raised.value, RequestFailed) and raised.value.next_start is None


def test_resuming(server: Server) -> None:
    """The recipe of the docstring, on a server that fails each fourth request."""
    texts = [f"text {i}" for i in range(200)]
    expected = PerformanceClient(server.url, "key").embed(texts, "m").numpy()
    server.reset()
    client = PerformanceClient(server.faulty(every=4, status=400), "key")
    rows = numpy.zeros_like(expected)
    position = runs = 0
    while position < len(texts):
        runs += 1
        first = position
        stream = client.iter_embed(islice(iter(texts), first, None), "m", batch_size=4, max_concurrent_requests=1)
        try:
            for batch in stream:
                rows[first + batch.start : first + batch.stop] = batch.numpy()
        except RequestFailed:
            assert runs < 100
        finally:
            position = first + stream.next_start
    assert numpy.array_equal(rows, expected)
    assert runs > 1
