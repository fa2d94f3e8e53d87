"""What errors hold: class, args, text, response, request, the batch that failed, and the attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import (
    APIConnectionError,
    APIStatusError,
    InvalidResponse,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Faults, Server

Hasty = Callable[..., RequestProcessingPreference]
CALLS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "embed": ("/v1/embeddings", lambda client, preference: client.embed(["a"], "m", preference=preference)),
    "rerank": ("/rerank", lambda client, preference: client.rerank("q", ["a"], preference=preference)),
    "classify": ("/predict", lambda client, preference: client.classify(["a"], preference=preference)),
    "batch_post": ("/x", lambda client, preference: client.batch_post("/x", [1], preference)),
}
every_operation = pytest.mark.parametrize(("path", "call"), CALLS.values(), ids=CALLS.keys())


@pytest.mark.usefixtures("poller")
@every_operation
def test_http_error(server: Server, hasty: Hasty, path: str, call: Callable[[Any, Any], Any]) -> None:
    base_url = server.faulty(status=422, set_cookie=True)
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        call(PerformanceClient(base_url, "k"), hasty())
    error = caught.value
    body = '{"error":{"message":"ordered by the caller: status 422","type":"ordered_fault","code":422}}'
    message = f"API request failed with status 422 Unprocessable Entity: {body}"
    assert type(error) is APIStatusError and isinstance(error, requests.exceptions.HTTPError)
    assert error.args == (422, message)
    assert error.errno == 422
    assert str(error).startswith(f"[Errno 422] {message}\n  POST {base_url}{path}")
    response = error.response
    assert isinstance(response, requests.Response)
    assert (response.status_code, response.reason, response.ok) == (422, "Unprocessable Entity", False)
    assert response.text == body and response.content == body.encode()
    assert response.json()["error"]["code"] == 422
    assert response.headers["Content-Type"] == "application/json"
    assert response.url == base_url + path
    assert response.elapsed.total_seconds() > 0
    assert error.request.method == "POST"
    assert error.request.url == base_url + path
    assert response.request is error.request
    assert (error.batch_index, error.attempts, error.endpoint) == (0, 1, base_url)
    assert error.partial == [None]
    with pytest.raises(requests.exceptions.HTTPError):
        response.raise_for_status()


STATUSES = [
    400, 401, 402, 403, 404, 405, 406, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428,
    431, 444, 451, 499, 600, 777, 999, 300, 304,
]  # fmt: skip


def test_args_as_the_peer(server: Server) -> None:
    theirs = pytest.importorskip("baseten_performance_client")
    for status in STATUSES:
        base_url = server.faulty(status=status)
        with pytest.raises(requests.exceptions.HTTPError) as expected:
            theirs.PerformanceClient(base_url, "k").batch_post("/x", [1])
        with pytest.raises(requests.exceptions.HTTPError) as caught:
            PerformanceClient(base_url, "k").batch_post("/x", [1])
        assert caught.value.args == expected.value.args
        assert str(caught.value).startswith(f"{expected.value}\n  POST {base_url}/x")
        assert caught.value.errno == expected.value.errno


@pytest.mark.parametrize("body", [b"", b"plain", "ü€".encode(), b"\xff\xfe\x00", b"<html>" + b"x" * 100_000])
def test_the_body_is_whole(httpserver: HTTPServer, body: bytes) -> None:
    httpserver.expect_request("/x").respond_with_response(Response(body, 404, content_type="text/plain"))
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1])
    assert caught.value.response.content == body
    assert caught.value.args[1] == "API request failed with status 404 Not Found: " + body.decode("utf-8", "replace")


@every_operation
def test_the_failed_batch_is_named(server: Server, path: str, call: Any) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="poison"), "k")
    texts = [f"text {i}" for i in range(20)]
    texts[13] = "poison"
    preference = RequestProcessingPreference(batch_size=3, max_concurrent_requests=1)
    calls: dict[str, Callable[[], Any]] = {
        "/v1/embeddings": lambda: client.embed(texts, "m", preference=preference),
        "/rerank": lambda: client.rerank("q", texts, preference=preference),
        "/predict": lambda: client.classify(texts, preference=preference),
        "/x": lambda: client.batch_post("/x", texts, preference),
    }
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        calls[path]()
    assert caught.value.batch_index == (13 if path == "/x" else 4)  # type: ignore[attr-defined]


def test_invalid_response(server: Server) -> None:
    with pytest.raises(InvalidResponse) as caught:
        PerformanceClient(server.faulty(not_json=True), "k").rerank("q", ["a"])
    error = caught.value
    assert isinstance(error, ValueError)
    assert str(error).startswith("Failed to parse response JSON: error decoding response body: ")
    assert "<!doctype html>" in str(error)
    assert error.status == 200
    assert error.batch_index == 0
    assert error.url is not None and error.url.endswith("/rerank")
    assert error.attempts == 1  # type: ignore[attr-defined]


def test_a_snippet_and_not_the_whole_body(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("x" * 1_000_000)
    with pytest.raises(InvalidResponse) as caught:
        PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1])
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "faults", [{"not_json": True}, {"empty": True}, {"invalid_json": True}, {"missing": "data"}], ids=str
)
@pytest.mark.parametrize("method", ["embed", "async_embed"])
def test_undecodable_embeddings(server: Server, faults: dict[str, Any], method: str) -> None:
    client = PerformanceClient(server.faulty(**faults), "k")

    async def main() -> None:
        await client.async_embed(["a"], "m")

    with pytest.raises(InvalidResponse, match="Failed to parse response JSON: error decoding response body: "):
        client.embed(["a"], "m") if method == "embed" else asyncio.run(main())
    assert server.statistics().requests == 1


def test_queries_are_not_shown(server: Server, hasty: Hasty) -> None:
    base_url = server.faulty(reset=True)
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(base_url, "k").batch_post("/x?token=secret", [1], hasty(max_retries=0))
    assert "secret" not in str(caught.value)


def test_a_failure_stops_the_queue(server: Server, eventually: Any) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="3"), "k")
    with pytest.raises(requests.exceptions.HTTPError):
        client.batch_post("/x", list(range(5000)), RequestProcessingPreference(max_concurrent_requests=2))
    eventually(lambda: server.statistics().requests_active == 0)
    assert server.statistics().requests < 100


def test_a_failure_aborts_what_is_in_flight(server: Server, eventually: Any) -> None:
    slow, failing = Faults(stall=True, containing="slow"), Faults(status=400, containing="failing", latency=0.5)
    client = PerformanceClient(server.faulty(slow, failing), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", ["slow 1", "slow 2", "slow 3", "failing"])
    assert caught.value.batch_index == 3  # type: ignore[attr-defined]
    eventually(lambda: server.statistics().requests_aborted == 3)
