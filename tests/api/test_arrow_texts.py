"""Texts of an Arrow column: the same requests, errors and results as of a list, of memory that the call keeps."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy
import orjson
import pytest

from baseten_perf import PerformanceClient, RequestFailed
from baseten_perf.testing import Faults, RecordedRequest, Server
from baseten_perf.testing.embeddings import embeddings

pyarrow = pytest.importorskip("pyarrow")

TEXTS = [
    "", '"', "\\", "\0\x1f\x7f\n\r\t\b\f", "é" * 30, "字" * 20, "😀\u2028", 'a "quoted" word\n' * 9, "plain " * 40,
    "x" * 12, "x" * 13, '"' * 500, "twice", "twice", "z",
]  # fmt: skip
COLUMNS: dict[str, Callable[[], Any]] = {
    "string": lambda: pyarrow.array(TEXTS),
    "large_string, sliced": lambda: pyarrow.array(["no", *TEXTS, None], pyarrow.large_string()).slice(1, len(TEXTS)),
    "string_view, chunked": lambda: pyarrow.chunked_array([TEXTS[:4], [], TEXTS[4:]], pyarrow.string_view()),
    "dictionary": lambda: pyarrow.array(TEXTS).dictionary_encode(),
}


def count(text: str) -> int:
    return len(text) + 1


CALLS: dict[str, Callable[[PerformanceClient, Any], Any]] = {
    "one request": lambda client, texts: client.embed(texts, "m", batch_size=128, dimensions=8),
    "batches": lambda client, texts: client.embed(texts, "m", batch_size=4, user="é"),
    "characters": lambda client, texts: client.embed(texts, "m", max_chars_per_request=250),
    "tokens": lambda client, texts: client.embed(texts, "m", max_tokens_per_request=60),
    "counted tokens": lambda client, texts: client.embed(texts, "m", max_tokens_per_request=60),
    "dedupe": lambda client, texts: client.embed(texts, "m", batch_size=3, dedupe=True),
    "rerank": lambda client, texts: client.rerank("q", texts, batch_size=4, return_text=True),
    "cohere": lambda client, texts: client.rerank("q", texts, batch_size=4, api="cohere", return_text=True, top_n=3),
    "classify": lambda client, texts: client.classify(texts, batch_size=4),
    "classify, flat": lambda client, texts: client.classify(texts, batch_size=4, api="infinity"),
}


@pytest.mark.parametrize("name", CALLS)
def test_requests_and_results_are_those_of_a_list(
    server: Server, recorded: Callable[[Callable[[], Any]], list[RecordedRequest]], name: str
) -> None:
    results: list[Any] = []

    def bodies(texts: Any) -> list[bytes]:
        client = PerformanceClient(server.url, "k", count_tokens=count if name == "counted tokens" else None)
        return [request.body for request in recorded(lambda: results.append(CALLS[name](client, texts)))]

    expected = bodies(TEXTS)
    assert (len(expected) > 1) == (name != "one request")
    for make in COLUMNS.values():
        assert bodies(make()) == expected
    for result in results[1:]:
        if hasattr(result, "numpy"):
            assert numpy.array_equal(result.numpy(), results[0].numpy())
        else:
            assert result.data == results[0].data


def test_limits_of_tokens(server: Server) -> None:
    """Requests of a client with a quota cost what their texts do."""
    seen: list[str] = []

    def counted(text: str) -> int:
        seen.append(text)
        return 1

    client = PerformanceClient(server.url, "k", max_tokens_per_minute=1_000_000, count_tokens=counted)
    client.embed(pyarrow.array(TEXTS), "m", batch_size=4)
    assert seen == TEXTS


def test_what_fails_is_told_as_of_a_list(server: Server) -> None:
    client = PerformanceClient(server.url + Faults(containing='"twice"', status=404).prefix, "k")
    with pytest.raises(RequestFailed) as caught:
        client.embed(pyarrow.array(TEXTS), "m", batch_size=3, max_concurrent_requests=1)
    assert list(caught.value.inputs) == [12, 13, 14] == caught.value.missing
    assert [item is None for item in caught.value.response_partial.data] == [False] * 12 + [True] * 3
    response = client.embed(pyarrow.array(TEXTS), "m", batch_size=3, return_exceptions=True)
    assert response.missing == list(response.errors) == [12, 13, 14]
    assert numpy.array_equal(response.numpy(missing="nan")[:12], embeddings(TEXTS[:12]))


def test_a_text_that_is_no_utf_8_is_refused_before_anything_is_sent(client: PerformanceClient, server: Server) -> None:
    binary = pyarrow.array([b"fine"] * 40 + [b"not \xff"], pyarrow.binary())
    column = pyarrow.Array.from_buffers(pyarrow.string(), 41, binary.buffers())
    for call in (client.embed, client.classify, lambda texts, **options: client.rerank("q", texts, **options)):
        with pytest.raises(UnicodeDecodeError, match="can't decode byte 0xff in position 4: invalid start byte"):
            call(column, batch_size=4)
    assert server.statistics().requests == 0


class Memory:
    """Bytes that pyarrow shows without a copy."""

    def __init__(self, text: bytes) -> None:
        self.text = ctypes.create_string_buffer(text, len(text))

    def buffer(self) -> Any:
        return pyarrow.foreign_buffer(ctypes.addressof(self.text), len(self.text), self)


def test_a_column_that_the_caller_drops_stays_until_the_call_ends(server: Server) -> None:
    texts = [f"text {number:04d}" for number in range(400)]
    memory = Memory("".join(texts).encode())
    alive = weakref.ref(memory)
    offsets = pyarrow.py_buffer(numpy.arange(0, 9 * 401, 9, dtype=numpy.int32))
    column = pyarrow.Array.from_buffers(pyarrow.string(), 400, [None, offsets, memory.buffer()])
    del memory

    async def embedded() -> Any:
        nonlocal column
        client = PerformanceClient(server.url, "k")
        call = asyncio.ensure_future(client.async_embed(column, "m", batch_size=1, max_concurrent_requests=2))
        await asyncio.sleep(0)
        del column
        gc.collect()
        assert alive() is not None, "most bodies are still to be made"
        return (await call).numpy()

    array = asyncio.run(embedded())
    assert numpy.array_equal(array, embeddings(texts))
    sent = sorted(orjson.loads(request.body)["input"][0] for request in server.requests())
    assert sent == texts
    gc.collect()
    assert alive() is None
