"""The HTTP methods of batch_post, with and without bodies."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import APIStatusError, PerformanceClient, PostRequest
from baseten_perf.testing import Server

WITH_BODY = ["POST", "PUT", "PATCH"]
WITHOUT_BODY = ["GET", "DELETE", "OPTIONS"]


@pytest.mark.parametrize("method", WITH_BODY)
def test_with_a_body(client: PerformanceClient, server: Server, method: str) -> None:
    (answer,) = client.batch_post("/echo", [{"a": 1}], method=method).data
    assert (answer["method"], answer["body"]) == (method, '{"a":1}')
    assert server.requests()[0].header("content-type") == "application/json"


@pytest.mark.parametrize("method", WITHOUT_BODY)
def test_without_a_body(client: PerformanceClient, method: str) -> None:
    answers = client.batch_post("/echo", [{"a": 1}, 2], method=method).data
    assert [(answer["method"], answer["body"]) for answer in answers] == [(method, "")] * 2


def test_head(client: PerformanceClient, server: Server) -> None:
    response = client.batch_post("/echo", [1, 2, 3], method="HEAD")
    assert response.data == [{}, {}, {}]
    assert all(int(headers["content-length"]) > 0 for headers in response.response_headers)
    assert [request.method for request in server.requests()] == ["HEAD"] * 3


def test_statuses(client: PerformanceClient) -> None:
    paths = ["/x", "/-/status=201/x", "/-/status=204/x", "/-/status=400/x", "/-/status=299/x"]
    requests = [PostRequest({}, url_path=path) for path in paths]
    response = client.batch_post("/y", requests, return_exceptions=True)
    assert response.statuses == [200, 201, 204, None, 299]
    assert pickle.loads(pickle.dumps(response)) == response
    items = list(client.iter_batch_post("/y", requests, return_exceptions=True))
    assert [item.status for item in items] == response.statuses
    with pytest.raises(APIStatusError) as caught:
        client.batch_post("/y", requests, max_concurrent_requests=1)
    assert caught.value.response_partial.statuses == [200, 201, 204, None, None]
    assert client.batch_post("/-/status=202/x", [1, 2]).statuses == [202, 202]


def test_lower_case(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1], method="put")
    assert server.requests()[0].method == "PUT"


def test_post_is_the_default(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1])
    client.batch_post("/x", [1], method=None)
    assert [request.method for request in server.requests()] == ["POST", "POST"]


def test_methods_in_turn_on_one_connection(client: PerformanceClient, server: Server) -> None:
    methods = ["POST", "HEAD", "PUT", "GET", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "POST"]
    for number, method in enumerate(methods):
        client.batch_post("/echo", [number], method=method)
    found = [(request.method, request.body, request.connection) for request in server.requests()]
    assert found == [
        (method, b"%d" % number if method in WITH_BODY else b"", 1) for number, method in enumerate(methods)
    ]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "", " GET", "GET\r\nx: y", "FOO"])
def test_unknown_methods(client: PerformanceClient, server: Server, method: str) -> None:
    with pytest.raises(ValueError) as caught:
        client.batch_post("/x", [1], method=method)
    assert str(caught.value) == (
        f"Invalid HTTP method '{method}'. Supported methods: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
    )
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    ("method", "status", "body", "expected"),
    [
        ("DELETE", 204, b"", {}),
        ("OPTIONS", 200, b"", {}),
        ("DELETE", 200, b"not json", {}),
        ("DELETE", 200, b'{"deleted":1}', {"deleted": 1}),
        ("GET", 204, b"", None),
        ("POST", 204, b"", None),
        ("POST", 200, b"", None),
        ("POST", 201, b"[1]", [1]),
        ("PUT", 299, b'"x"', "x"),
    ],
)
def test_answers(httpserver: HTTPServer, method: str, status: int, body: bytes, expected: Any) -> None:
    httpserver.expect_request("/x", method=method).respond_with_response(Response(body, status))
    client = PerformanceClient(httpserver.url_for(""), "k")
    assert client.batch_post("/x", [1], method=method).data == [expected]


@pytest.mark.parametrize("body", [b"[1,2", b"nope", b"nan", b'{"a":1}x'])
def test_answers_that_are_no_json(httpserver: HTTPServer, body: bytes) -> None:
    httpserver.expect_request("/x").respond_with_data(body)
    client = PerformanceClient(httpserver.url_for(""), "k")
    with pytest.raises(ValueError, match="Failed to parse response JSON: error decoding response body"):
        client.batch_post("/x", [1])
    with pytest.raises(ValueError, match="Failed to parse response JSON: error decoding response body"):
        client.batch_post("/x", [1], method="GET")
