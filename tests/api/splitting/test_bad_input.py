"""A bad input fails alone: a batch that a server refuses for what it holds is divided until that one is found."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import PerformanceClient, RequestFailed

Call = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(1000)]
BAD = list(range(5, 1000, 97))
BAD_TEXTS = {TEXTS[i] for i in BAD}


@pytest.mark.parametrize("batch_size", [8, 128, 1000])
def test_a_bad_input_fails_alone(picky: Any, poller: str, respond: Call, batch_size: int) -> None:
    picky.reset(picky.refusing(BAD_TEXTS, 422))
    client = PerformanceClient(picky.url, "key")
    response = respond(client, "embed", TEXTS, "m", batch_size=batch_size, return_exceptions=True)
    assert response.missing == list(response.errors) == BAD
    for i, failure in response.errors.items():
        assert (list(failure.inputs), failure.batch_index, failure.attempts) == ([i], i // batch_size, 1)
        assert failure.args[0] == 422
    array = response.numpy(missing="nan")
    assert numpy.isnan(array[BAD]).all()
    assert all(array[i].tolist() == picky.vector_of(TEXTS[i]) for i in range(1000) if i not in BAD)
    assert [i for i, item in enumerate(response.data) if item is None] == BAD
    assert response.usage.total_tokens == 989
    assert len(picky.sizes) <= picky.bound(11, 1000, batch_size)
    # One entry for each request that was answered or stands alone, in the order of the inputs.
    assert len(response.individual_request_times) == len(response.response_headers) == len(picky.answered) + 11
    inputs = [int(headers.get("x-inputs", 1)) for headers in response.response_headers]
    assert sum(inputs) == 1000 and inputs.count(1) >= 11


def test_a_bad_input_of_a_stream_is_an_item_of_its_own(picky: Any, poller: str, streamed: Call) -> None:
    picky.reset(picky.refusing(BAD_TEXTS))
    client = PerformanceClient(picky.url, "key")
    for ordered in (True, False):
        picky.sizes.clear()
        options: dict[str, Any] = {"batch_size": 32, "ordered": ordered, "return_exceptions": True}
        batches = streamed(client, TEXTS, max_concurrent_requests=8, **options)
        assert len(picky.sizes) <= picky.bound(11, 1000, 32)
        if not ordered:
            batches.sort(key=lambda batch: batch.start)
        assert [i for batch in batches for i in range(batch.start, batch.stop)] == list(range(1000))
        assert [text for batch in batches for text in batch.inputs] == TEXTS
        assert [i for batch in batches for i in batch.missing] == BAD
        failures = {i: failure for batch in batches for i, failure in batch.errors.items()}
        assert {i: (list(each.inputs), each.batch_index) for i, each in failures.items()} == {
            i: ([i], i // 32) for i in BAD
        }
        for batch in batches:
            if not batch.missing:
                assert batch.numpy().tolist() == [picky.vector_of(text) for text in batch.inputs]


def test_every_operation(picky: Any, respond: Call) -> None:
    texts = TEXTS[:40]
    bad = {texts[3], texts[17], texts[39]}
    good = [i for i, text in enumerate(texts) if text not in bad]
    picky.reset(picky.refusing(bad))
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "return_exceptions": True}
    score = {i: picky.vector_of(texts[i])[1] for i in good}

    response = respond(client, "classify", texts, **options)
    assert [None if each is None else each[0].label for each in response.data] == [
        None if text in bad else text for text in texts
    ]
    response = respond(client, "rerank", "q", texts, **options)
    assert {each.index: each.score for each in response.data if each is not None} == score
    assert response.missing == [3, 17, 39]
    response = respond(client, "rerank", "q", texts, api="cohere", top_n=5, **options)
    assert [each.score for each in response.data] == sorted(score.values(), reverse=True)[:5]
    assert list(response.errors) == [3, 17, 39]

    # Token ids; members of the body and a path of one's own; memory of the caller's.
    picky.reset(lambda inputs: (400, {"error": "too long"}) if [7, 7] in inputs else None)
    tokens = [[i, 1] for i in range(40)]
    tokens[6] = [7, 7]
    out = numpy.full((40, 3), -1, dtype=numpy.float32)
    response = respond(
        client, "embed", tokens, "m", out=out, url_path="/v2/embeddings", extra_body={"truncate": True}, **options
    )
    assert response.missing == [6]
    assert out[6].tolist() == [-1, -1, -1]
    assert all(out[i].tolist() == picky.vector_of(tokens[i]) for i in range(40) if i != 6)
    assert all(body["truncate"] for body in picky.bodies)
    assert sum(len(item.inputs) for item in client.iter_classify(texts, **options)) == 40


def test_texts_of_arrow(picky: Any, respond: Call) -> None:
    """They are divided by their lengths, in characters, like those of a list."""
    pyarrow = pytest.importorskip("pyarrow")
    texts = [f"{'é' * (number % 90)} {number}" for number in range(200)]
    column = pyarrow.chunked_array([texts[:70], texts[70:]])
    bad = {texts[5], texts[171]}
    refuse = picky.too_many_tokens(600)
    picky.reset(lambda inputs: refuse(inputs) or picky.refusing(bad)(inputs))
    client = PerformanceClient(picky.url, "key", prefer_base64=True)
    response = respond(client, "embed", column, "m", batch_size=64, return_exceptions=True)
    assert response.missing == list(response.errors) == [5, 171]
    array = response.numpy(missing="nan")
    assert all(array[i].tolist() == picky.vector_of(texts[i]) for i in range(200) if i not in (5, 171))
    sizes = []
    for inputs in (column, texts):
        picky.reset(refuse)
        respond(client, "embed", inputs, "m", batch_size=64, max_concurrent_requests=1)
        sizes.append(list(picky.sizes))
    assert sizes[0] == sizes[1] == picky.answered


@pytest.mark.parametrize("takes_base64", [True, False])
def test_with_a_preference_for_base64(picky: Any, respond: Call, streamed: Call, takes_base64: bool) -> None:
    """Whether the format or an input is refused shows when the call is made again without base64."""

    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("encoding_format") == "base64" and not takes_base64:
            return 400, {"error": "unknown encoding format"}
        return type(picky).answer(picky, path, body)

    texts = TEXTS[:64]
    picky.reset(picky.refusing({texts[5]}))
    picky.answer = answer
    try:
        client = PerformanceClient(picky.url, "key", prefer_base64=True)
        options: dict[str, Any] = {"batch_size": 16, "return_exceptions": True, "max_concurrent_requests": 2}
        response = respond(client, "embed", texts, "m", **options)
        assert response.missing == [5]
        assert all(isinstance(item.embedding, list) for item in response.data if item is not None)
        batches = streamed(client, texts, **options)
        assert [i for batch in batches for i in batch.missing] == [5]
        client.embed(TEXTS[100], "m")
        assert ("encoding_format" in picky.bodies[-1]) == takes_base64
    finally:
        del picky.answer


@pytest.mark.parametrize("status", [400, 422])
def test_without_return_exceptions_a_bad_input_ends_the_call(
    picky: Any, poller: str, respond: Call, streamed: Call, status: int
) -> None:
    picky.reset(picky.refusing({TEXTS[21]}, status))
    client = PerformanceClient(picky.url, "key")
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, "embed", TEXTS, "m", batch_size=10, max_concurrent_requests=1)
    failure: Any = raised.value
    assert picky.sizes == [10, 10, 10]
    assert list(failure.inputs) == list(range(20, 30))
    assert failure.missing == list(range(20, 1000))
    assert failure.response_partial.numpy(missing="nan")[19].tolist() == picky.vector_of(TEXTS[19])
    with pytest.raises(requests.exceptions.HTTPError):
        streamed(client, TEXTS, batch_size=10)


@pytest.mark.parametrize("body", [{"error": "`inputs` must have less than 512 tokens. Given: 600"}, ""])
def test_without_return_exceptions_413_finds_the_input(picky: Any, respond: Call, body: Any) -> None:
    """The call could have succeeded; now its exception names the only input that is too large."""
    picky.reset(picky.refusing({TEXTS[21]}, 413, body))
    client = PerformanceClient(picky.url, "key")
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, "embed", TEXTS[:64], "m", batch_size=16, max_concurrent_requests=1)
    failure: Any = raised.value
    assert (list(failure.inputs), failure.batch_index) == ([21], 1)
    assert 21 in failure.missing and 0 not in failure.missing
    picky.reset(lambda inputs: None)
    client.embed(TEXTS[:64], "m", batch_size=16)
    assert picky.sizes == [16] * 4, "the length of one input is no limit of batches"


def test_a_client_is_gone_with_its_last_reference(picky: Any, way: str, respond: Call) -> None:
    """What divided batches refers to no call, and no exception of theirs to itself."""
    picky.reset(picky.refusing(BAD_TEXTS, 413))
    gc.collect()
    gc.disable()
    try:
        client = PerformanceClient(picky.url, "key")
        response = respond(client, "embed", TEXTS, "m", batch_size=128, return_exceptions=True)
        assert response.missing == BAD
        if not way:  # asyncio's frames refer to what they raise
            with pytest.raises(RequestFailed):
                client.embed(TEXTS, "m", batch_size=128)
        alive = weakref.ref(client)
        del client
        assert alive() is None
    finally:
        gc.enable()
