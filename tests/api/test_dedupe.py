"""dedupe=True: equal inputs are sent once, and each gets its result, as it would have without."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import numpy
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baseten_perf import PerformanceClient, RequestFailed
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

# Sent: b c, a bad, d.
TEXTS = ["b", "c", "b", "a", "c", "bad", "b", "bad", "d"]
DISTINCT = ["b", "c", "a", "bad", "d"]
FAILED = [3, 5, 7]  # "a" and "bad" are one batch
SMALL: dict[str, Any] = {"batch_size": 2, "dedupe": True, "max_retries": 0}


@pytest.fixture(params=["", "async_"], ids=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def call(client: PerformanceClient, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a method, and wait for it if it is an asynchronous one."""

    async def awaited() -> Any:
        return await getattr(client, name)(*arguments, **SMALL | options)

    return asyncio.run(awaited()) if name.startswith("async_") else getattr(client, name)(*arguments, **SMALL | options)


def bad(server: Server) -> PerformanceClient:
    return PerformanceClient(server.url + Faults(containing='"bad"', status=404).prefix, "key")


def inputs(server: Server, name: str = "input") -> list[Any]:
    """What was sent, in order."""
    bodies = sorted((orjson.loads(request.body)[name] for request in server.requests()), key=str)
    return sorted((each for body in bodies for each in body), key=str)


def test_embed(client: PerformanceClient, server: Server, way: str) -> None:
    response = call(client, f"{way}embed", TEXTS, "m")
    assert inputs(server) == sorted(DISTINCT)
    assert len(server.requests()) == 3
    assert response.usage.total_tokens == 5, "what was sent"
    array = response.numpy()
    assert numpy.array_equal(array, embeddings(TEXTS)) and array.flags.writeable and array.flags.c_contiguous
    array[:] = 0
    assert numpy.array_equal(response.numpy(copy=True), embeddings(TEXTS))
    assert numpy.array_equal(numpy.asarray(response), embeddings(TEXTS))
    assert [item.index for item in response.data] == list(range(9))
    assert response.data[6].embedding == response.data[0].embedding == embeddings(["b"])[0].tolist()
    with pytest.raises(ValueError, match="equal inputs have the same row, so that an array is a copy"):
        response.numpy(copy=False)
    assert "<9 embeddings of dimension 384>" in repr(response)
    for twin in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response)):
        assert twin == response and numpy.array_equal(twin.numpy(), embeddings(TEXTS))
    assert response._rows == client.embed(TEXTS, "m")._rows != client.embed(TEXTS[::-1], "m")._rows


def test_nothing_is_repeated(client: PerformanceClient) -> None:
    """The response is that of a call without the option, its memory too."""
    response = client.embed(DISTINCT, "m", dedupe=True)
    assert numpy.array_equal(response.numpy(copy=False), embeddings(DISTINCT))


def test_base64(client: PerformanceClient) -> None:
    plain = client.embed(TEXTS, "m", "base64")
    response = client.embed(TEXTS, "m", "base64", dedupe=True)
    assert [item.embedding for item in response.data] == [item.embedding for item in plain.data]
    assert numpy.array_equal(response.numpy(), plain.numpy())


def test_arrow(server: Server) -> None:
    pa = pytest.importorskip("pyarrow")
    array = pa.array(call(bad(server), "embed", TEXTS, "m", return_exceptions=True))
    assert numpy.flatnonzero(array.is_null()).tolist() == FAILED
    whole = embeddings(TEXTS)
    assert all(array[i].as_py() == whole[i].tolist() for i in range(9) if i not in FAILED)


@pytest.mark.parametrize("encoding", [None, "base64"])
def test_memory_of_the_caller_s(server: Server, way: str, encoding: Any) -> None:
    """Each input has its row there; rows without an answer stay untouched."""
    out = numpy.full((9, 384), -7, dtype=numpy.float32)
    response = call(bad(server), f"{way}embed", TEXTS, "m", encoding, out=out, return_exceptions=True)
    there = [i for i in range(9) if i not in FAILED]
    assert numpy.array_equal(out[there], embeddings(TEXTS)[there]) and (out[FAILED] == -7).all()
    assert response.missing == FAILED and numpy.isnan(response.numpy(missing="nan")[FAILED]).all()
    assert [i for i, item in enumerate(response.data) if item is None] == FAILED
    assert isinstance(response.data[2].embedding, str) == (encoding == "base64")
    whole = call(PerformanceClient(server.url, "key"), "embed", TEXTS, "m", encoding, out=out)
    assert numpy.shares_memory(whole.numpy(copy=False), out)


@pytest.mark.parametrize("method", ["embed", "classify", "rerank"])
def test_a_request_that_fails(server: Server, way: str, method: str) -> None:
    """All inputs that it stands for are named."""
    arguments: tuple[Any, ...] = {"embed": (TEXTS, "m"), "classify": (TEXTS,), "rerank": ("q", TEXTS)}[method]
    response = call(bad(server), way + method, *arguments, return_exceptions=True)
    assert response.missing == list(response.errors) == list(response.errors[5].inputs) == FAILED
    assert [item is None for item in response.data].count(True) == 3 and len(response.data) == 9
    with pytest.raises(RequestFailed) as raised:
        call(bad(server), way + method, *arguments, max_concurrent_requests=1)
    assert list(raised.value.inputs) == FAILED and list(raised.value.missing) == [*FAILED, 8]


@pytest.mark.parametrize("method", ["embed", "classify", "rerank"])
def test_a_text_that_is_refused_fails_alone(server: Server, way: str, method: str) -> None:
    """Its batch is divided; both inputs that it is are named."""
    client = PerformanceClient(server.url + Faults(containing='"bad"', status=400).prefix, "key")
    arguments: tuple[Any, ...] = {"embed": (TEXTS, "m"), "classify": (TEXTS,), "rerank": ("q", TEXTS)}[method]
    response = call(client, way + method, *arguments, return_exceptions=True)
    assert response.missing == list(response.errors) == list(response.errors[7].inputs) == [5, 7]
    assert server.statistics().requests == 5
    if method == "embed":
        out = numpy.full((9, 384), -7, dtype=numpy.float32)
        given = call(client, f"{way}embed", TEXTS, "m", out=out, return_exceptions=True)
        expected = embeddings(TEXTS)
        expected[[5, 7]] = numpy.nan
        for each in (response, given):
            assert numpy.array_equal(each.numpy(missing="nan"), expected, equal_nan=True)
        batches = client.iter_embed(iter(TEXTS), "m", batch_size=9, dedupe=True, return_exceptions=True)
        assert sorted(i for batch in batches for i in batch.missing) == [5, 7]


def test_a_response_of_several_dimensions(server: Server) -> None:
    """The error names the first input of it."""
    client = PerformanceClient(server.url + Faults(containing='"d"', ragged=True).prefix, "key")
    with pytest.raises(ValueError, match="Expected 384 but got 383 at index 8"):
        call(client, "embed", TEXTS, "m").numpy()


def test_classify(client: PerformanceClient, server: Server, way: str) -> None:
    response = call(client, f"{way}classify", TEXTS)
    assert inputs(server, "inputs") == sorted([text] for text in DISTINCT)
    assert response.data == client.classify(TEXTS).data
    response.data[0].clear()
    assert response.data[2] != [], "each input has a list of its own"
    assert client.classify(TEXTS, api="vllm", dedupe=True).data == client.classify(TEXTS, api="vllm").data


@pytest.mark.parametrize("options", [{}, {"return_text": True}, {"api": "cohere"}, {"api": "cohere", "top_n": 4}])
def test_rerank(client: PerformanceClient, server: Server, way: str, options: dict[str, Any]) -> None:
    response = call(client, f"{way}rerank", "b d", TEXTS, **options)
    sent = inputs(server, "documents" if "api" in options else "texts")
    assert sent == sorted(DISTINCT)
    plain = client.rerank("b d", TEXTS, **options)
    if "top_n" in options:
        assert response.data == plain.data
    else:
        assert sorted(response.data, key=lambda each: each.index) == sorted(plain.data, key=lambda each: each.index)
        assert numpy.array_equal(response.scores(), plain.scores())


def test_streams_dedupe_within_a_request(client: PerformanceClient, server: Server) -> None:
    batches = list(client.iter_embed(iter(["a", "b", "a", "b", "c", "a"]), "m", batch_size=4, dedupe=True))
    assert [batch.inputs for batch in batches] == [["a", "b", "a", "b"], ["c", "a"]]
    assert inputs(server) == ["a", "a", "b", "c"]
    assert numpy.array_equal(batches[0].numpy(), embeddings(["a", "b", "a", "b"]))
    labels = client.iter_classify(iter(TEXTS), batch_size=9, dedupe=True)
    assert next(labels).data == client.classify(TEXTS).data


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.sampled_from(["a", "b", "c", "d", "bad"]), min_size=1, max_size=20), size=st.integers(1, 4))
def test_a_simple_model(server: Server, texts: list[str], size: int) -> None:
    """Of the distinct texts, in order, so many go into a request; those of one that fails are missing."""
    distinct = list(dict.fromkeys(texts))
    requests = [distinct[k : k + size] for k in range(0, len(distinct), size)]
    failed = {text for request in requests if "bad" in request for text in request}
    missing = [i for i, text in enumerate(texts) if text in failed]
    client: Any = bad(server)
    response = client.embed(texts, "m", batch_size=size, dedupe=True, return_exceptions=True, max_retries=0)
    assert response.missing == list(response.errors) == missing
    assert len(response.individual_request_times) == len(requests)
    if len(missing) < len(texts):
        expected = embeddings(texts)
        expected[missing] = numpy.nan
        assert numpy.array_equal(response.numpy(missing="nan"), expected, equal_nan=True)
