"""Fixtures of the tests of streams: the ways to consume one, and a server with faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, Stream
from baseten_perf.testing import Server


async def trickling(items: Iterable[Any]) -> AsyncIterator[Any]:
    """An asynchronous source that lets others have a turn before each item."""
    for item in items:
        await asyncio.sleep(0)
        yield item


class Way:
    """How a stream is consumed, and what kind of source it has.

    Attributes:
        awaits: with `async for`.
        trickles: the source is asynchronous, too.
    """

    def __init__(self, awaits: bool, trickles: bool) -> None:
        self.awaits = awaits
        self.trickles = trickles

    def source(self, items: Iterable[Any]) -> Any:
        """A source of this kind."""
        return trickling(items) if self.trickles else iter(items)

    def __call__(self, begin: Callable[[Any], Stream[Any]], items: Iterable[Any]) -> list[Any]:
        """All that the stream gives which is begun of a source of these items."""

        async def consume() -> list[Any]:
            return [item async for item in begin(self.source(items))]

        return asyncio.run(consume()) if self.awaits else list(begin(self.source(items)))

    def noting(self, stream: Stream[Any], given: list[int]) -> Any:
        """The stream, to be consumed in this way; the starts of its batches are appended to `given`."""

        async def noted() -> AsyncIterator[Any]:
            async for batch in stream:
                given.append(batch.start)
                yield batch

        return noted() if self.awaits else (given.append(batch.start) for batch in stream)


WAYS = {"for": Way(False, False), "async for": Way(True, False), "async for, async source": Way(True, True)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def trickle() -> Callable[[Iterable[Any]], AsyncIterator[Any]]:
    """Make an asynchronous source."""
    return trickling


@pytest.fixture
def faulty(server: Server) -> Callable[..., PerformanceClient]:
    """A client of the server with faults."""
    return lambda **faults: PerformanceClient(server.faulty(**faults), "key")
