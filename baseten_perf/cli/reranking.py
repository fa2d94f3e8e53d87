"""Reranking: a stream of scores, of pairs of queries and texts as they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient, RequestFailed, RerankResponse


class Scored(NamedTuple):
    """Pairs `start` to `stop` of the source, which shared a request, with their scores."""

    start: int
    stop: int
    response: RerankResponse

    @property
    def data(self) -> list[Any]:
        """Results, in the order of the response; None where one is missing."""
        return self.response.data

    @property
    def timings(self) -> Any:
        """Where the time of the request went, with timings=True."""
        return self.response.timings

    @property
    def errors(self) -> dict[int, RequestFailed]:
        """Why pairs have no score, by their numbers in the source."""
        return {self.start + number: error for number, error in self.response.errors.items()}


class Reranking:
    """An iterator of Scored, to be used in a `with` block.

    Calls of one request each are under way, as many as the concurrency says, in an event loop that runs while an item
    is waited for. Neighbours with the same query share a request, up to the batch size.

    Parameters:
        pairs: queries and texts.
        ordered: items come in the order of the source; else as their requests end.
        batch_size, concurrency: see the options of the client.
        keywords: of `client.async_rerank`.
    """

    def __init__(
        self, client: PerformanceClient, pairs: Iterable[tuple[str, str]], ordered: bool,
        batch_size: int, concurrency: int, keywords: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._client = client
        self._batches = batches(pairs, batch_size)
        self._ordered = ordered
        self._keywords = keywords
        self._concurrency = concurrency
        self._loop = asyncio.new_event_loop()
        self._under_way: dict[asyncio.Task[RerankResponse], range] = {}  # in the order of the source
        self._ended: deque[asyncio.Task[RerankResponse]] = deque()  # of these, unless items are ordered
        self._news = asyncio.Event()

    def __iter__(self) -> Iterator[Scored]:
        return self

    def __next__(self) -> Scored:
        scored = self._loop.run_until_complete(self._next())
        if scored is None:
            raise StopIteration
        return scored

    async def _next(self) -> Scored | None:
        for start, query, texts in islice(self._batches, self._concurrency - len(self._under_way)):
            call = asyncio.ensure_future(self._rerank(query, texts))
            self._under_way[call] = range(start, start + len(texts))
            if not self._ordered:
                call.add_done_callback(self._end)
        if not self._under_way:
            return None
        if self._ordered:
            first = next(iter(self._under_way))
            await asyncio.wait([first])
        else:
            while not self._ended:
                self._news.clear()
                await self._news.wait()
            first = self._ended.popleft()
        pairs = self._under_way.pop(first)
        error: Any = first.exception()
        if error is None:
            return Scored(pairs.start, pairs.stop, first.result())
        error.inputs = pairs
        raise error

    def _end(self, call: asyncio.Task[RerankResponse]) -> None:
        self._ended.append(call)
        self._news.set()

    async def _rerank(self, query: str, texts: list[str]) -> RerankResponse:
        return await self._client.async_rerank(query, texts, **self._keywords)

    def __enter__(self) -> Reranking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._cancel())
        self._loop.close()

    async def _cancel(self) -> None:
        for call in self._under_way:
            call.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def batches(pairs: Iterable[tuple[str, str]], size: int) -> Iterator[tuple[int, str, list[str]]]:
    """The number of the first pair, the query and the texts of each request."""
    start = 0
    for query, group in groupby(pairs, itemgetter(0)):
        while texts := [text for _, text in islice(group, size)]:
            yield start, query, texts
            start += len(texts)
