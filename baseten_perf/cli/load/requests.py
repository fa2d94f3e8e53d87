"""Requests: what is sent to an endpoint under load, and the samples of closed and open loops."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice, repeat
from typing import TYPE_CHECKING, Any

from ..failure import failure
from ..reranking import Reranking
from .sample import Sample

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SEED = 1
PARTS = ("dns", "connect", "tls", "sent", "first_byte")  # of a request's time, up to its first byte


class Requests:
    """Requests to one API of an endpoint.

    Parameters:
        client: makes a client for a batch size and a number of requests in flight. It neither retries nor waits.
        api: "embed", "rerank" or "classify".
        keywords: of the client's method.
        texts: are sent again and again; the first is the query of `rerank`.
    """

    def __init__(
        self,
        client: Callable[[int, int], PerformanceClient],
        api: str,
        keywords: Mapping[str, Any],
        texts: Sequence[str],
    ) -> None:
        self._client = client
        self._api = api
        self._keywords = dict(keywords)
        self._texts = texts

    def closed(self, batch_size: int, concurrency: int, warm_up: float, seconds: float) -> tuple[list[Sample], float]:
        """A new request begins when one ends, for so many seconds after a warm-up, and for so many requests.

        Returns the samples and the seconds that they were taken for.
        """
        samples = []
        start = time.monotonic() + warm_up
        with self._client(batch_size, concurrency) as client, self._stream(client, batch_size, concurrency) as stream:
            for batch in stream:
                now = time.monotonic()
                if now >= start:
                    samples.append(sample_of(batch, now))
                    if now >= start + seconds and len(samples) >= concurrency:
                        break
        return samples, now - start

    def _stream(self, client: PerformanceClient, batch_size: int, concurrency: int) -> Any:
        texts = cycle(self._texts)
        if self._api == "rerank":
            pairs = zip(repeat(self._texts[0]), texts)
            keywords = {**self._keywords, "return_exceptions": True}
            return Reranking(client, pairs, False, batch_size, concurrency, keywords)
        stream = client.iter_embed if self._api == "embed" else client.iter_classify
        return stream(texts, ordered=False, return_exceptions=True, **self._keywords)

    def open(self, batch_size: int, rate: float, seconds: float) -> tuple[list[Sample], float, int]:
        """Requests begin at random moments (a Poisson process), whatever becomes of those before them.

        Each one's time counts from when it was due, so that a server that stalls cannot hide what it would have made
        others wait. Returns the samples, the seconds that they were taken for, and the most requests in flight.
        """
        with self._client(batch_size, 1) as client:
            return asyncio.run(self._open(client, batch_size, rate, seconds))

    async def _open(
        self, client: PerformanceClient, batch_size: int, rate: float, seconds: float
    ) -> tuple[list[Sample], float, int]:
        texts = cycle(self._texts)
        samples: list[Sample] = []
        under_way: set[asyncio.Task[None]] = set()
        most = 0

        async def one(due: float, batch: list[str]) -> None:
            response = await self._call(client, batch)
            samples.append(sample_of(response, time.monotonic(), due))

        start = time.monotonic()
        for moment in moments(rate, seconds):
            await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
            task = asyncio.ensure_future(one(start + moment, list(islice(texts, batch_size))))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            most = max(most, len(under_way))
        await asyncio.gather(*under_way)
        return samples, time.monotonic() - start, most

    def _call(self, client: PerformanceClient, batch: list[str]) -> Any:
        keywords = {**self._keywords, "return_exceptions": True}
        if self._api == "rerank":
            return client.async_rerank(self._texts[0], batch, **keywords)
        return (client.async_embed if self._api == "embed" else client.async_classify)(batch, **keywords)


def sample_of(response: Any, ended: float, due: float | None = None) -> Sample:
    """The sample of one request's response, or of a stream's batch.

    Parameters:
        due: when the request was due; None for when it got its turn.
    """
    timings = response.timings[0]
    errors = response.errors
    usage = getattr(response, "usage", None)
    total = float(timings["total"]) - float(timings["queued"]) if due is None else ended - due
    began = float(timings["total"]) - float(timings["queued"])
    until = sum(value for name in PARTS if (value := float(timings[name])) == value)  # NaN: it did not come so far
    return Sample(
        total=total,
        first_byte=total - began + until,
        inputs=len(response.data) - len(errors),
        tokens=0 if usage is None else usage.total_tokens,
        error=str(failure(next(iter(errors.values())))) if errors else "",
    )


def moments(rate: float, seconds: float) -> Iterator[float]:
    """When requests are due, in seconds from the start: always the same for the same rate."""
    chance = random.Random(SEED)
    moment = chance.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += chance.expovariate(rate)
