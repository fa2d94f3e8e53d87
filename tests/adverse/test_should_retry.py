"""What a server says of further attempts: x-should-retry, insufficient_quota, and both beside other headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import PerformanceClient, RequestProcessingPreference

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = pytest.mark.timeout(60)

QUOTA = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}


@pytest.fixture
def http_server() -> Iterator[HTTPServer]:
    with HTTPServer() as server:
        yield server


def attempts(
    server: HTTPServer, preference: RequestProcessingPreference, status: int, body: Any, headers: dict[str, str]
) -> int:
    """How many requests the first answer of this kind leads to; the second is a success."""
    count = 0

    def answer(request: Request) -> Response:
        nonlocal count
        count += 1
        if count == 1:
            return Response(json.dumps(body), status, headers, content_type="application/json")
        return Response("[1]", 200, content_type="application/json")

    server.expect_request("/x").respond_with_handler(answer)
    client = PerformanceClient(server.url_for(""), "k")
    try:
        assert client.batch_post("/x", [1], preference).data == [[1]]
    except requests.exceptions.HTTPError as error:
        assert error.response.status_code == status
    return count


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (503, {}, {"x-should-retry": "false"}, 1),
        (429, {}, {"X-Should-Retry": "False", "retry-after-ms": "10"}, 1),
        (500, {}, {"x-should-retry": "true"}, 2),
        (400, {}, {"x-should-retry": "true"}, 2),
        (401, {}, {"x-should-retry": "true"}, 1),
        (403, {}, {"x-should-retry": "true"}, 1),
        (400, {}, {"x-should-retry": "perhaps"}, 1),
        (429, QUOTA, {}, 1),
        (429, {"error": {"type": "insufficient_quota"}}, {}, 1),
        (429, QUOTA, {"retry-after-ms": "10"}, 2),
        (429, {"error": {"message": "no \"code\":\"insufficient_quota\" here"}}, {}, 2),
        (429, {"code": "insufficient_quota"}, {}, 2),
        (500, QUOTA, {}, 2),
    ],
    ids=str,
)
def test_further_attempts(
    http_server: HTTPServer, hasty: Hasty, status: int, body: Any, headers: dict[str, str], expected: int
) -> None:
    assert attempts(http_server, hasty(), status, body, headers) == expected


def test_x_should_retry_is_bound_by_max_retries(http_server: HTTPServer, hasty: Hasty) -> None:
    assert attempts(http_server, hasty(max_retries=0), 500, {}, {"x-should-retry": "true"}) == 1


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "0.4"}, 0.38),
        ({"retry-after-ms": "300.5"}, 0.29),
        ({"retry-after-ms": "soon", "Retry-After": "0.3"}, 0.28),
        ({"Retry-After": "30", "retry-after-ms": "300"}, 0.28),
    ],
    ids=str,
)
def test_decimals(http_server: HTTPServer, hasty: Hasty, headers: dict[str, str], least: float) -> None:
    client = PerformanceClient(http_server.url_for(""), "k")
    http_server.expect_ordered_request("/x").respond_with_data("{}", 429, headers)
    http_server.expect_ordered_request("/x").respond_with_data("[1]", 200, content_type="application/json")
    response = client.batch_post("/x", [1], hasty())
    assert response.data == [[1]]
    assert response.total_time >= least
