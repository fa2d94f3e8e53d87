"""batch_system_one: one POST to /v1/systemone for each request, beside the peer."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy
import pytest
from pytest_httpserver import HTTPServer

from baseten_perf import BatchPostResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

REQUESTS = [{"state": {"b": 1, "a": [1.5, None]}, "questions": ["é?"], "model": f"m{i}"} for i in range(5)]


def test_one_post_for_each_request_in_order(client: PerformanceClient, server: Server, recorded: Any) -> None:
    found = recorded(lambda: client.batch_system_one(REQUESTS))
    assert [(request.method, request.path) for request in found] == [("POST", "/v1/systemone")] * 5
    assert [request.body for request in found] == [
        b'{"state":{"b":1,"a":[1.5,null]},"questions":["\xc3\xa9?"],"model":"m%d"}' % i for i in range(5)
    ]
    assert all(request.header("content-type") == "application/json" for request in found)


def test_the_answers_are_a_batch_post_response(client: PerformanceClient) -> None:
    response = client.batch_system_one(requests=REQUESTS, preference=RequestProcessingPreference(batch_size=2))
    assert isinstance(response, BatchPostResponse)
    assert response.data == REQUESTS
    assert len(response.individual_request_times) == len(response.response_headers) == 5

    async def call() -> BatchPostResponse:
        return await client.async_batch_system_one(REQUESTS, None)

    assert asyncio.run(call()).data == REQUESTS


def test_the_base_url_s_path_stays(server: Server) -> None:
    PerformanceClient(server.url + "/base/", "k").batch_system_one([{}])
    assert server.requests()[0].path == "/base/v1/systemone"


@pytest.mark.parametrize("requests", [[{}, "x", [1], 3, None, True], ({"a": 1},), [1.5, float("nan")]])
def test_bodies_as_the_peer_s(
    client: PerformanceClient, server: Server, peer: Any, recorded: Any, requests: Any
) -> None:
    ours = recorded(lambda: client.batch_system_one(requests))
    theirs = recorded(lambda: peer.PerformanceClient(server.url, "k").batch_system_one(requests))
    assert [request.body for request in ours] == [request.body for request in theirs]


@pytest.mark.parametrize(
    "requests", [[], (), "abc", {"a": 1}, None, 5, iter([1]), {1}, [object()], [1, {1: 2}, b"x"]]
)
def test_refused_as_by_the_peer(client: PerformanceClient, server: Server, peer: Any, requests: Any) -> None:
    if isinstance(requests, list) and requests:
        # What is no JSON is the first of them that fails, by its number.
        expected_type: type[Exception] = ValueError
        expected_text = f"Failed to depythonize payload at index {0 if len(requests) == 1 else 1}: "
    else:
        with pytest.raises((TypeError, ValueError)) as expected:
            peer.PerformanceClient(server.url, "k").batch_system_one(requests)
        expected_type, expected_text = expected.type, str(expected.value)
    if expected_type is TypeError:
        expected_text = "requests must be "
    with pytest.raises(expected_type) as caught:
        client.batch_system_one(requests)
    assert str(caught.value).startswith(expected_text)
    assert server.statistics().requests == 0


@pytest.mark.parametrize("arguments", [([1], 3), ([1], "PUT"), ([1], None, "PUT"), ()])
def test_what_does_not_fit_the_signature(client: PerformanceClient, peer: Any, server: Server, arguments: Any) -> None:
    for method in (client.batch_system_one, peer.PerformanceClient(server.url, "k").batch_system_one):
        with pytest.raises(TypeError):
            method(*arguments)
    assert server.statistics().requests == 0


def test_keywords_as_for_batch_post(client: PerformanceClient, server: Server) -> None:
    client.batch_system_one([{}], timeout_s=5, max_concurrent_requests=600, custom_headers={"x-mine": "1"})
    (request,) = server.requests()
    assert (request.header("request-timeout-ms"), request.header("x-mine")) == ("5000", "1")
    with pytest.raises(ValueError, match="Please be nice to the server side"):
        client.batch_system_one([{}], RequestProcessingPreference(max_concurrent_requests=600))


def test_retries_and_errors_as_for_batch_post(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, times=1), "k")
    quick = RequestProcessingPreference(initial_backoff_ms=50)
    assert client.batch_system_one(REQUESTS, quick).data == REQUESTS
    assert server.statistics().requests == 10
    refusing = PerformanceClient(server.faulty(status=422, containing="m3"), "k")
    with pytest.raises(Exception, match="422") as caught:
        refusing.batch_system_one(REQUESTS)
    assert caught.value.batch_index == 3  # type: ignore[attr-defined]
    assert caught.value.partial[3] is None  # type: ignore[attr-defined]


def test_numpy_in_requests(client: PerformanceClient) -> None:
    assert client.batch_system_one([{"v": numpy.array([1.5, 2.0])}]).data == [{"v": [1.5, 2.0]}]


def test_an_answer_that_is_no_json(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/systemone").respond_with_data(b"nope")
    with pytest.raises(ValueError, match="Failed to parse response JSON: error decoding response body"):
        PerformanceClient(httpserver.url_for(""), "k").batch_system_one([1])


