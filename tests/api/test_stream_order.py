"""Streams beside a model of them: batches of any size whose requests end in any order, some of them badly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baseten_perf import EmbeddingsBatch, InvalidResponse, PerformanceClient, RequestFailed, Stream

MOST_BATCHES = 16  # so few are all pulled, even when the first one is answered last
PATIENCE_S = 60.0


@dataclass
class Script:
    """What a stream is asked for, and how its requests end.

    Attributes:
        picks: the number of the request, among those that are in flight, that is answered next.
        refused, broken: numbers of texts whose request gets 404, or no JSON.
        raises: the source raises after its last text.
    """

    texts: int
    batch_size: int
    concurrency: int
    ordered: bool
    picks: list[int]
    refused: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    raises: bool = False

    @property
    def spans(self) -> list[range]:
        """The texts of each request; those of an incomplete batch are not sent when the source raises."""
        spans = [
            range(start, min(start + self.batch_size, self.texts)) for start in range(0, self.texts, self.batch_size)
        ]
        return [span for span in spans if len(span) == self.batch_size] if self.raises else spans


class Conductor(ThreadingHTTPServer):
    """Answers one request at a time, in the order of a script, when as many are in flight as can be.

    Unordered, it also waits until the consumer has what was answered: so what comes next is what it answered last.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conducted)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.turns = threading.Condition()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def begin(self, script: Script) -> None:
        self.script = script
        self.picks = iter(script.picks)
        self.held: list[int] = []
        self.order: list[int] = []  # first texts of the requests as they are answered
        self.taken = 0

    def answer(self, texts: list[int]) -> tuple[int, bytes]:
        """What a request of these texts gets, when its turn has come."""
        with self.turns:
            self.held.append(texts[0])
            self._choose()
            assert self.turns.wait_for(lambda: texts[0] in self.order, PATIENCE_S), "its turn has not come"
        if self.script.refused.intersection(texts):
            return 404, b"{}"
        if self.script.broken.intersection(texts):
            return 200, b"<html>"
        data = [{"index": place, "embedding": [number, 0.5]} for place, number in enumerate(texts)]
        return 200, json.dumps({"data": data, "model": "m"}).encode()

    def go_on(self, *, taken: int = 0) -> None:
        """An answer is out, or the consumer has so many more batches."""
        with self.turns:
            self.taken += taken
            self._choose()

    def _choose(self) -> None:
        left = len(self.script.spans) - len(self.order)
        idle = self.script.ordered or self.taken == len(self.order)
        if self.held and idle and len(self.held) >= min(self.script.concurrency, left):
            self.order.append(sorted(self.held)[next(self.picks) % len(self.held)])
            self.held.remove(self.order[-1])
            self.turns.notify_all()


class Conducted(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Conductor

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        status, body = self.server.answer([int(text) for text in texts])
        head = f"HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)
        self.server.go_on()


@pytest.fixture(scope="module")
def conductor() -> Iterator[Conductor]:
    with Conductor() as server:
        yield server
        server.shutdown()


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    batch_size = draw(st.integers(1, 5))
    texts = draw(st.integers(0, MOST_BATCHES * batch_size))
    number = st.integers(0, max(texts - 1, 0))
    return Script(
        texts, batch_size, draw(st.integers(1, 8)), draw(st.booleans()),
        draw(st.lists(st.integers(0, 7), min_size=MOST_BATCHES, max_size=MOST_BATCHES)),
        draw(st.sets(number, max_size=4)), draw(st.sets(number, max_size=2)), draw(st.booleans()),
    )  # fmt: skip


def consumed(stream: Stream[EmbeddingsBatch], conductor: Conductor, got: list[EmbeddingsBatch]) -> None:
    for batch in stream:
        got.append(batch)
        conductor.go_on(taken=1)


async def awaited(stream: Stream[EmbeddingsBatch], conductor: Conductor, got: list[EmbeddingsBatch]) -> None:
    async for batch in stream:
        got.append(batch)
        conductor.go_on(taken=1)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(scripts(), st.sampled_from(["for", "async for", "async source"]))
def test_streams_beside_a_model(conductor: Conductor, script: Script, way: str) -> None:
    conductor.begin(script)

    def source() -> Iterator[str]:
        yield from map(str, range(script.texts))
        if script.raises:
            raise LookupError("no more texts")

    async def awaited_source() -> AsyncIterator[str]:
        for text in source():
            yield text
            await asyncio.sleep(0)

    client = PerformanceClient(conductor.url, "key")
    inputs: Any = awaited_source() if way == "async source" else source()
    stream = client.iter_embed(
        inputs, "m", ordered=script.ordered, batch_size=script.batch_size,
        max_concurrent_requests=script.concurrency, max_retries=0, return_exceptions=True,
    )  # fmt: skip
    got: list[EmbeddingsBatch] = []
    try:
        if way == "for":
            consumed(stream, conductor, got)
        else:
            asyncio.run(awaited(stream, conductor, got))
    except LookupError:
        assert script.raises
    else:
        assert not script.raises

    spans = {span.start: span for span in script.spans}
    assert sorted(conductor.order) == list(spans)
    assert [batch.start for batch in got] == (list(spans) if script.ordered else conductor.order)
    for batch in got:
        span = spans[batch.start]
        assert (batch.stop, batch.inputs) == (span.stop, [str(number) for number in span])
        bad = script.refused.intersection(span) or script.broken.intersection(span)
        assert list(batch.errors) == batch.missing == (list(span) if bad else [])
        if not bad:
            assert batch.numpy().tolist() == [[number, 0.5] for number in span]
        for error in batch.errors.values():
            assert isinstance(error, RequestFailed)
            assert isinstance(error, InvalidResponse) == script.refused.isdisjoint(span)
            assert list(error.inputs) == list(span)
