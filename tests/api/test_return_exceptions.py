"""return_exceptions=True: every request runs to its end, and the response tells which inputs failed, and why."""

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

from baseten_perf import (
    APIConnectionError,
    CancellationToken,
    InvalidResponse,
    OperationCancelled,
    PerformanceClient,
    RequestFailed,
    RequestProcessingPreference,
)
from baseten_perf.testing import Faults, Server

# 20 inputs in batches of 4: the batch of "bad" is 8 to 11.
TEXTS = [f"text {i}" for i in range(20)]
TEXTS[9] = "bad"
FAILED = range(8, 12)
OPTIONS: dict[str, Any] = {"max_retries": 0, "return_exceptions": True}
Call = Callable[[Any, str], Any]
CALLS: dict[str, Call] = {
    "embed": lambda client, way: getattr(client, f"{way}embed")(TEXTS, "m", batch_size=4, **OPTIONS),
    "rerank": lambda client, way: getattr(client, f"{way}rerank")("q", TEXTS, batch_size=4, **OPTIONS),
    "classify": lambda client, way: getattr(client, f"{way}classify")(TEXTS, batch_size=4, **OPTIONS),
    "batch_post": lambda client, way: getattr(client, f"{way}batch_post")("/x", TEXTS, **OPTIONS),
}
every_operation = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(params=["", "async_"], ids=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def faulty(server: Server, **faults: Any) -> PerformanceClient:
    return PerformanceClient(server.url + Faults(containing='"bad"', **faults).prefix, "key")


def respond(client: PerformanceClient, way: str, call: Call) -> Any:
    async def awaited() -> Any:
        return await call(client, way)

    return asyncio.run(awaited()) if way else call(client, way)


@every_operation
def test_one_request_fails(server: Server, poller: str, way: str, name: str) -> None:
    response = respond(faulty(server, status=404), way, CALLS[name])
    failed = [9] if name == "batch_post" else list(FAILED)
    assert response.missing == failed
    assert list(response.errors) == failed
    assert [i for i, item in enumerate(response.data) if item is None] == failed
    error = response.errors[9]
    assert isinstance(error, RequestFailed) and isinstance(error, requests.exceptions.HTTPError)
    assert (error.args[0], list(error.inputs), error.attempts) == (404, failed, 1)
    assert error.batch_index == (9 if name == "batch_post" else 2)
    assert all(other is error for other in response.errors.values())
    assert len(response.response_headers) == (20 if name == "batch_post" else 5)
    assert server.statistics().requests == (20 if name == "batch_post" else 5)


@every_operation
def test_an_answer_that_cannot_be_used(server: Server, way: str, name: str) -> None:
    response = respond(faulty(server, not_json=True), way, CALLS[name])
    assert isinstance(response.errors[9], InvalidResponse)
    assert response.missing == ([9] if name == "batch_post" else list(FAILED))


@pytest.mark.parametrize("fault", [{"reset": True}, {"truncate": True}, {"status": 503}])
def test_whatever_the_failure_is(server: Server, poller: str, fault: dict[str, Any]) -> None:
    response = CALLS["embed"](faulty(server, **fault), "")
    assert response.missing == list(FAILED)
    assert isinstance(response.errors[8], requests.exceptions.RequestException)


def test_nothing_fails(client: PerformanceClient) -> None:
    response = client.embed(TEXTS, "m", batch_size=4, return_exceptions=True)
    assert (response.errors, response.missing) == ({}, [])
    assert response.raise_for_errors() is None
    assert response.numpy().shape[0] == 20


@every_operation
def test_all_fail(server: Server, way: str, name: str) -> None:
    client = PerformanceClient(server.url + Faults(status=400).prefix, "key")
    response = respond(client, way, CALLS[name])
    assert response.missing == list(response.errors) == list(range(20))
    assert response.data == [None] * 20
    if name == "embed":
        with pytest.raises(ValueError, match="all 20 embeddings are missing"):
            response.numpy(missing="nan")


def test_arrays(server: Server, way: str) -> None:
    whole = PerformanceClient(server.url, "key").embed(TEXTS, "m", batch_size=4).numpy()
    response = respond(faulty(server, status=404), way, CALLS["embed"])
    with pytest.raises(ValueError, match="4 of 20 embeddings are missing, first that of input 8"):
        response.numpy()
    array = response.numpy(missing="nan")
    assert numpy.isnan(array[8:12]).all()
    assert numpy.array_equal(numpy.delete(array, FAILED, axis=0), numpy.delete(whole, FAILED, axis=0))


@every_operation
def test_raise_for_errors(server: Server, name: str) -> None:
    response = CALLS[name](faulty(server, status=404), "")
    with pytest.raises(RequestFailed) as raised:
        response.raise_for_errors()
    assert raised.value is response.errors[9]
    assert raised.value.response_partial is response
    assert list(raised.value.missing) == response.missing


@every_operation
@pytest.mark.parametrize("copied", [copy.copy, lambda response: pickle.loads(pickle.dumps(response))])
def test_copies(server: Server, name: str, copied: Callable[[Any], Any]) -> None:
    response = CALLS[name](faulty(server, status=404), "")
    twin = copied(response)
    assert twin == response
    assert twin.missing == response.missing
    assert list(twin.errors) == list(response.errors)
    assert str(twin.errors[9]) == str(response.errors[9])


def test_the_request_after_a_failure_is_sent(server: Server, poller: str, way: str) -> None:
    """One slot, and the first of many fails: the others are sent after it."""
    texts = ["bad"] + [f"text {i}" for i in range(50)]
    client = faulty(server, status=422)

    def call(client: Any, way: str) -> Any:
        embed = getattr(client, f"{way}embed")
        return embed(texts, "m", batch_size=1, max_concurrent_requests=1, **OPTIONS)

    response = respond(client, way, call)
    assert response.missing == [0]
    assert server.statistics().requests == 51


def test_an_endpoint_that_goes_away(poller: str, way: str) -> None:
    """Each request comes to its end, though the gate of their pace stays closed."""
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        client.batch_post("/same", [1])

    def call(client: Any, way: str) -> Any:
        post = getattr(client, f"{way}batch_post")
        return post("/same", TEXTS * 10, return_exceptions=True, patience_s=0.3, max_concurrent_requests=8)

    response = respond(client, way, call)
    assert response.missing == list(range(200))
    assert {type(error) for error in response.errors.values()} == {APIConnectionError}
    nobody = PerformanceClient("http://127.0.0.1:9", "key")
    assert len(respond(nobody, way, call).errors) == 200


def test_a_call_that_ends_as_a_whole_raises(server: Server, way: str) -> None:
    """Its time-out: what had arrived and what had failed until then is in `response_partial`."""
    client = PerformanceClient(
        server.url + Faults(containing='"bad"', status=404).prefix + Faults(containing='"text 19"', stall=True).prefix,
        "key",
    )

    def call(client: Any, way: str) -> Any:
        return getattr(client, f"{way}embed")(TEXTS, "m", batch_size=4, total_timeout_s=1.0, **OPTIONS)

    with pytest.raises(requests.exceptions.Timeout) as raised:
        respond(client, way, call)
    partial = raised.value.response_partial  # type: ignore[attr-defined]
    assert partial.missing == [*FAILED, 16, 17, 18, 19]
    assert list(partial.errors) == list(FAILED)


def test_a_cancelled_call_raises(server: Server) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(OperationCancelled):
        PerformanceClient(server.url, "key").embed(TEXTS, "m", cancel_token=token, return_exceptions=True)


def test_as_a_preference(server: Server) -> None:
    preference = RequestProcessingPreference(return_exceptions=True, max_retries=0, batch_size=4)
    assert faulty(server, status=404).embed(TEXTS, "m", preference=preference).missing == list(FAILED)
    client = PerformanceClient(server.url + Faults(containing='"bad"', status=404).prefix, "key", preference=preference)
    assert client.embed(TEXTS, "m").missing == list(FAILED)
    with pytest.raises(requests.exceptions.HTTPError):
        client.embed(TEXTS, "m", return_exceptions=False)


def test_a_model_that_refuses_base64(server: Server) -> None:
    """The call is made again without base64 all the same; what fails then is the input's own."""
    refused = Faults(containing='"encoding_format":"base64"', status=400).prefix
    bad = Faults(containing='"bad"', status=400).prefix
    client = PerformanceClient(server.url + refused + bad, "key", prefer_base64=True)
    assert client.embed(TEXTS, "m", batch_size=4, **OPTIONS).missing == [9]
    assert json.loads(server.requests()[-1].body).get("encoding_format") is None


def test_must_be_a_bool(client: PerformanceClient) -> None:
    with pytest.raises(TypeError, match="return_exceptions"):
        client.embed(TEXTS, "m", return_exceptions="yes")  # type: ignore[arg-type]
