"""Streams: results as they come, of inputs as they come, with `for` and with `async for`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient, PostRequest
from baseten_perf.testing import Faults, Server

Make = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}


def test_embeddings(client: PerformanceClient, poller: str, way: Make) -> None:
    expected = client.embed(TEXTS, "m").numpy()
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), TEXTS)
    assert [(batch.start, batch.stop) for batch in batches] == [(i, min(i + 4, 50)) for i in range(0, 50, 4)]
    assert [text for batch in batches for text in batch.inputs] == TEXTS
    assert numpy.array_equal(numpy.concatenate([batch.numpy() for batch in batches]), expected)
    last = batches[-1]
    assert (len(last), last.model, last.usage.total_tokens > 0, last.errors, last.missing) == (2, "m", True, {}, [])
    assert last.elapsed > 0 and last.response_headers["content-type"].startswith("application/json")
    assert last.data[0].embedding == pytest.approx(expected[48].tolist())


def test_token_ids(server: Server, way: Make) -> None:
    """Batches are those of a list, and all inputs are what the first one is. The server refuses all, undivided."""
    client = PerformanceClient(server.faulty(status=404), "key")
    tokens: list[Any] = [[i, 2**40 + i] for i in range(30)] + [numpy.array([1, 2]), (3,), [4] * 100, [5]]
    options: dict[str, Any] = {"batch_size": 4, "max_chars_per_request": 50, "return_exceptions": True}
    client.embed(tokens, "m", **options)
    of_list = sorted(request.body for request in server.requests())
    server.reset()
    batches = way(lambda source: client.iter_embed(source, "m", **options), tokens)
    assert sorted(request.body for request in server.requests()) == of_list
    assert sum(map(len, batches)) == 34
    for wrong, message in (
        ([[1], "a"], r"inputs\[1\] must be a sequence of token ids like the first input, not str"),
        ([[1], [2, -1]], r"inputs\[1\]\[1\] must not be negative"),
        (["a"] * 4 + [[1]], r"inputs\[4\] is of type list; inputs must be str"),
        ([[1], []], r"inputs\[1\] has no tokens"),
    ):
        with pytest.raises((TypeError, OverflowError, ValueError), match=message):
            way(lambda source: client.iter_embed(source, "m", **options), wrong)


def test_posts(client: PerformanceClient, way: Make) -> None:
    payloads = [{"number": i} for i in range(40)]
    items = way(lambda source: client.iter_batch_post("/same", source, max_concurrent_requests=3), payloads)
    assert [item.data for item in items] == [[payload] for payload in payloads]
    assert [item.inputs for item in items] == [[payload] for payload in payloads]


def test_labels(client: PerformanceClient, way: Make) -> None:
    expected = client.classify(TEXTS).data
    batches = way(lambda source: client.iter_classify(source, **SMALL), TEXTS)
    assert [labels for batch in batches for labels in batch.data] == expected


def test_batches_are_those_of_a_list(client: PerformanceClient, server: Server) -> None:
    texts = ["x" * length for length in (10, 30, 20, 70, 5, 5, 5, 5, 60, 1)]
    options: dict[str, Any] = {"batch_size": 3, "max_chars_per_request": 60}
    client.embed(texts, "m", **options)
    of_list = sorted(request.body for request in server.requests())
    server.reset()
    assert sum(len(batch) for batch in client.iter_embed(texts, "m", **options)) == 10
    assert sorted(request.body for request in server.requests()) == of_list


def test_in_any_order(way: Make, faulty: Make) -> None:
    """One request takes longer than all others: unordered, it comes last."""
    client = faulty(containing='"text 0"', latency=0.5)
    batches = way(lambda source: client.iter_embed(source, "m", ordered=False, **SMALL), TEXTS)
    assert sorted(batch.start for batch in batches) == list(range(0, 50, 4))
    assert batches[-1].start == 0
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), TEXTS)
    assert [batch.start for batch in batches] == list(range(0, 50, 4))


def test_no_inputs(client: PerformanceClient, server: Server, way: Make) -> None:
    assert way(lambda source: client.iter_embed(source, "m"), []) == []
    assert server.statistics().requests == 0


def test_requests_of_their_own(client: PerformanceClient, server: Server) -> None:
    """Payloads of a stream may be PostRequests, too."""
    payloads = [{"a": 1}, PostRequest({"b": 2}, url_path="/same", method="PUT"), {"c": 3}]
    items = list(client.iter_batch_post("/same", iter(payloads)))
    assert [item.data for item in items] == [[{"a": 1}], [{"b": 2}], [{"c": 3}]]
    assert sorted(request.method for request in server.requests()) == ["POST", "POST", "PUT"]


def test_a_model_that_refuses_base64(server: Server, way: Make) -> None:
    """Each refused batch is sent again without base64, and later ones at once."""
    refused = Faults(containing='"encoding_format":"base64"', status=400).prefix
    client = PerformanceClient(server.url + refused, "key", prefer_base64=True)
    texts = [f"text {i}" for i in range(800)]
    expected = PerformanceClient(server.url, "key").embed(texts, "m").numpy()
    server.reset()
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), texts)
    assert numpy.array_equal(numpy.concatenate([batch.numpy() for batch in batches]), expected)
    refusals = [request for request in server.requests() if b"base64" in request.body]
    assert 1 <= len(refusals) < 100 < 200 == len(server.requests()) - len(refusals)


def test_dimensions_may_differ_between_batches(faulty: Make) -> None:
    """Each request has rows of its own."""
    client = faulty(containing='"text 9"', ragged=True)
    batches = list(client.iter_embed(TEXTS, "m", **SMALL))
    with pytest.raises(ValueError, match="same dimension"):
        batches[2].numpy()
    assert batches[1].numpy().shape == batches[3].numpy().shape


def test_return_exceptions(poller: str, way: Make, faulty: Make) -> None:
    client = faulty(containing='"text 13"', status=404)
    batches = way(lambda source: client.iter_embed(source, "m", return_exceptions=True, **SMALL), TEXTS)
    assert [batch.start for batch in batches] == list(range(0, 50, 4))
    failed = batches[3]
    assert failed.missing == list(failed.errors) == [12, 13, 14, 15]
    assert list(failed.errors[13].inputs) == [12, 13, 14, 15]
    assert failed.data == [None] * 4
    assert failed.response_headers == {}
    assert [batch.missing for batch in batches].count([]) == 12
    with pytest.raises(ValueError, match="missing"):
        failed.numpy()


def test_wrong_inputs(client: PerformanceClient, way: Make) -> None:
    with pytest.raises(TypeError, match=r"inputs\[5\] is None; inputs must be str"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), [*TEXTS[:5], None])
    with pytest.raises(TypeError, match=r"inputs\[0\] is of type int"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), [3])
    with pytest.raises(UnicodeEncodeError, match=r"inputs\[1\]"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), ["a", "\ud800"])
    with pytest.raises(ValueError, match="index 2"):
        way(lambda source: client.iter_batch_post("/same", source), [{}, {}, {"a": object()}])


def test_wrong_arguments(client: PerformanceClient, server: Server) -> None:
    """They are refused when the stream is made, before anything is pulled."""
    calls: list[tuple[type[Exception], Callable[[], Any]]] = [
        (TypeError, lambda: client.iter_embed("text", "m")),
        (TypeError, lambda: client.iter_embed(3, "m")),  # type: ignore[arg-type]
        (TypeError, lambda: client.iter_embed(TEXTS, 3)),  # type: ignore[arg-type]
        (ValueError, lambda: client.iter_embed(TEXTS, "m", batch_size=0)),
        (ValueError, lambda: client.iter_embed(TEXTS, "m", dimensions=0)),
        (TypeError, lambda: client.iter_embed(TEXTS, "m", ordered="no")),  # type: ignore[arg-type]
        (TypeError, lambda: client.iter_embed(TEXTS, "m", bach_size=3)),  # type: ignore[call-arg]
        (ValueError, lambda: client.iter_batch_post("/x", [], method="FETCH")),
    ]
    for kind, call in calls:
        with pytest.raises(kind):
            call()
    assert server.statistics().requests == 0


def test_an_asynchronous_source_needs_async_for(client: PerformanceClient, trickle: Make) -> None:
    stream = client.iter_embed(trickle(TEXTS), "m")
    with pytest.raises(TypeError, match="async for"):
        iter(stream)


def test_signatures_and_docstrings() -> None:
    for name in ("iter_embed", "iter_classify", "iter_batch_post"):
        method = getattr(PerformanceClient, name)
        parameters = inspect.signature(method).parameters
        assert parameters["ordered"].kind is inspect.Parameter.KEYWORD_ONLY
        assert "return_exceptions" in parameters and "max_concurrent_requests" in parameters
        assert method.__doc__
        assert method.__qualname__ == f"PerformanceClient.{name}"
