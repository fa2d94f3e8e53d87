"""RequestFailed: the one class to catch, what it tells of the failed request, and the answers that it saves."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

import baseten_perf
from baseten_perf import (
    BatchPostResponse,
    CancellationToken,
    ClassificationResponse,
    OpenAIEmbeddingsResponse,
    OperationCancelled,
    PerformanceClient,
    RequestFailed,
    RerankResponse,
)
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(20)]
# Batches of 3, one after the other: when the one with "text 13" fails, inputs 0 to 11 have been answered.
IN_TURN: dict[str, Any] = {"max_concurrent_requests": 1, "batch_size": 3, "max_retries": 0}
Call = Callable[[Any, str], Any]
CALLS: dict[str, tuple[type, Call]] = {
    "embed": (OpenAIEmbeddingsResponse, lambda client, way: getattr(client, f"{way}embed")(TEXTS, "m", **IN_TURN)),
    "rerank": (RerankResponse, lambda client, way: getattr(client, f"{way}rerank")("q", TEXTS, **IN_TURN)),
    "classify": (ClassificationResponse, lambda client, way: getattr(client, f"{way}classify")(TEXTS, **IN_TURN)),
    "batch_post": (
        BatchPostResponse,
        lambda client, way: getattr(client, f"{way}batch_post")(
            "/x", TEXTS, max_concurrent_requests=1, max_retries=0
        ),
    ),
}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "status": ({"status": 400}, "APIStatusError"),
    "time-out": ({"stall": True}, "APITimeoutError"),
    "reset": ({"reset": True}, "APIConnectionError"),
    "invalid": ({"not_json": True}, "InvalidResponse"),
}
every_operation = pytest.mark.parametrize(("kind", "call"), CALLS.values(), ids=CALLS)


@pytest.fixture(params=["", "async_"], ids=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def failure(client: PerformanceClient, call: Call, way: str) -> RequestFailed:
    async def awaited() -> None:
        await call(client, way)

    with pytest.raises(RequestFailed) as caught:
        asyncio.run(awaited()) if way else call(client, way)
    return caught.value


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(("faults", "name"), FAULTS.values(), ids=FAULTS)
@every_operation
def test_every_failure_is_one(
    server: Server, kind: type, call: Call, way: str, faults: dict[str, Any], name: str
) -> None:
    url = server.faulty(containing="text 13", **faults)
    client = PerformanceClient(url, "k", preference=baseten_perf.RequestProcessingPreference(timeout_s=0.5))
    error = failure(client, call, way)
    whole = call(PerformanceClient(server.url, "k"), "")
    inputs = range(13, 14) if kind is BatchPostResponse else range(12, 15)
    assert type(error) is getattr(baseten_perf, name)
    assert (error.inputs, error.endpoint, error.attempts) == (inputs, url, 1)
    assert error.batch_index == (13 if kind is BatchPostResponse else 4)
    sent = next(request for request in server.requests() if b"text 13" in request.body)
    assert error.request_id == sent.header("x-baseten-customer-request-id")
    # An answer is found to be invalid after the engine has gone on: then some that follow may have arrived.
    assert error.missing[: len(inputs)] == [*inputs]
    assert name == "InvalidResponse" or error.missing == [*range(inputs.start, 20)]
    assert error.partial == [None if i in error.missing else item for i, item in enumerate(whole.data)]
    response = error.response_partial
    assert type(response) is kind and response.data is error.partial
    assert response.total_time > 0.0
    answered = inputs.start if kind is BatchPostResponse else 4
    assert [seconds > 0.0 for seconds in response.individual_request_times[:answered]] == [True] * answered
    assert [bool(headers) for headers in response.response_headers[:answered]] == [True] * answered
    assert response.response_headers[error.batch_index] == {}


@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("faults", [faults for faults, _ in FAULTS.values()], ids=FAULTS)
@every_operation
def test_copies_and_pickles(server: Server, kind: type, call: Call, faults: dict[str, Any], duplicate: Any) -> None:
    client = PerformanceClient(
        server.faulty(containing="text 13", **faults), "k",
        preference=baseten_perf.RequestProcessingPreference(timeout_s=0.5),
    )  # fmt: skip
    error = failure(client, call, "")
    twin = duplicate(error)
    assert type(twin) is type(error) and twin.args == error.args and str(twin) == str(error)
    assert twin.response_partial == error.response_partial and twin.partial == error.partial
    names = ("batch_index", "inputs", "attempts", "endpoint", "request_id", "missing")
    assert [getattr(twin, name) for name in names] == [getattr(error, name) for name in names]


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_the_vectors_that_arrived_are_an_array(server: Server, encoding_format: str) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="text 13"), "k")
    error = failure(client, lambda client, _: client.embed(TEXTS, "m", encoding_format, **IN_TURN), "")
    response = error.response_partial
    array = response.numpy(missing="nan")
    assert numpy.array_equal(array[:12], embeddings(TEXTS[:12]))
    assert array.shape == (20, 384) and numpy.isnan(array[12:]).all() and array.flags.writeable
    assert error.missing == numpy.flatnonzero(numpy.isnan(array).any(axis=1)).tolist()
    with pytest.raises(ValueError, match=r'^8 of 20 embeddings are missing, first that of input 12; missing="nan"'):
        response.numpy()
    with pytest.raises(ValueError, match=r"^8 of 20 embeddings are missing"):
        numpy.asarray(response)
    with pytest.raises(ValueError, match="which copy=False forbids"):
        response.numpy(copy=False, missing="nan")
    assert "20 embeddings of dimension 384, 8 of them missing" in repr(response)


def test_memory_of_missing_rows_is_not_pickled(server: Server) -> None:
    """A row of a missing embedding lies in memory that held an earlier call's vector."""
    wrapper = baseten_perf.HttpClientWrapper()
    client = PerformanceClient(server.faulty(status=400, containing="text 13"), "k", client_wrapper=wrapper)
    PerformanceClient(server.url, "k", client_wrapper=wrapper).embed(["secret"] * 20, "m", **IN_TURN)
    error = failure(client, CALLS["embed"][1], "")
    secret = embeddings(["secret"])[0].tobytes()
    twin = pickle.loads(pickle.dumps(error))
    assert secret not in pickle.dumps(twin) and secret not in pickle.dumps(error)
    assert numpy.array_equal(twin.response_partial.numpy(missing="nan")[:12], embeddings(TEXTS[:12]))


def test_when_nothing_arrived(server: Server) -> None:
    error = failure(PerformanceClient(server.faulty(status=400), "k"), CALLS["embed"][1], "")
    assert error.partial == [None] * 20 and error.missing == list(range(20))
    with pytest.raises(ValueError, match=r"^all 20 embeddings are missing, so that their dimension is unknown$"):
        error.response_partial.numpy(missing="nan")
    assert repr(error.response_partial).startswith("OpenAIEmbeddingsResponse(data=<20 embeddings, 20 of them missing>")


def test_an_answer_that_is_none_is_not_missing(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="poison"), "k")
    with pytest.raises(RequestFailed) as caught:
        client.batch_post("/x", [None, 1, "poison", 2], max_concurrent_requests=1)
    assert caught.value.partial == [None, 1, None, None]
    assert caught.value.missing == [2, 3]


def test_vectors_of_another_length_among_those_that_arrived(server: Server) -> None:
    ragged, poison = Faults(ragged=True, containing="text 4"), Faults(status=400, containing="text 13")
    client = PerformanceClient(server.faulty(ragged, poison), "k")
    error = failure(client, CALLS["embed"][1], "")
    assert [None if item is None else len(item.embedding) for item in error.partial] == (
        [384] * 5 + [383] + [384] * 6 + [None] * 8
    )
    with pytest.raises(ValueError, match="Expected 384 but got 383 at index 5"):
        error.response_partial.numpy(missing="nan")


def test_cancelled(server: Server, eventually: Any, way: str) -> None:
    token = CancellationToken()
    token.cancel()
    error = failure(
        PerformanceClient(server.url, "k"),
        lambda client, way: getattr(client, f"{way}embed")(TEXTS, "m", cancel_token=token, **IN_TURN),
        way,
    )
    assert type(error) is OperationCancelled
    assert (error.batch_index, error.attempts, error.endpoint, error.request_id) == (None,) * 4
    assert (error.inputs, error.missing, error.partial) == (range(0), list(range(20)), [None] * 20)


def test_what_programs_of_the_reference_client_catch(server: Server) -> None:
    expected: dict[str, tuple[type, ...]] = {
        "status": (requests.exceptions.HTTPError, requests.exceptions.RequestException, OSError),
        "time-out": (requests.exceptions.Timeout, requests.exceptions.RequestException, OSError),
        "reset": (requests.exceptions.ConnectionError, requests.exceptions.RequestException, ValueError, OSError),
        "invalid": (ValueError,),
    }
    for name, (faults, _) in FAULTS.items():
        client = PerformanceClient(server.faulty(**faults), "k")
        for kind in expected[name]:
            with pytest.raises(kind):
                client.embed(["a"], "m", timeout_s=0.2, max_retries=0)


def test_a_secret_is_in_none_of_it(server: Server) -> None:
    base_url = server.faulty(status=400).replace("http://", "http://user:SECRET@") + "?k=SECRET"
    client = PerformanceClient(base_url.split("?")[0], "SECRET")
    error = failure(client, CALLS["batch_post"][1], "")
    assert "SECRET" not in json.dumps({name: repr(value) for name, value in vars(error).items()}) + str(error)
