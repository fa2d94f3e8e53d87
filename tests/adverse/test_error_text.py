"""str of an error: the message, then one line with method, URL and the reasons; no query, no password; args stay."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from pytest_httpserver import HTTPServer

from baseten_perf import APIConnectionError, InvalidResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = pytest.mark.usefixtures("poller")


@pytest.fixture
def refused() -> Iterator[str]:
    """Host and port where nobody listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def failure(call: Callable[[], Any]) -> Any:
    with pytest.raises((requests.exceptions.RequestException, ValueError)) as caught:
        call()
    return caught.value


CALLS: dict[str, tuple[str, str, Callable[[PerformanceClient, Any], Any]]] = {
    "embed": ("POST", "/v1/embeddings", lambda client, how: client.embed(["a"], "m", preference=how)),
    "rerank": ("POST", "/rerank", lambda client, how: client.rerank("q", ["a"], preference=how)),
    "classify": ("POST", "/predict", lambda client, how: client.classify(["a"], preference=how)),
    "batch_post": ("PUT", "/x", lambda client, how: client.batch_post("/x", [1], how, "PUT")),
}
every_operation = pytest.mark.parametrize(("method", "path", "call"), CALLS.values(), ids=CALLS.keys())


@every_operation
@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"status": 404}, requests.exceptions.HTTPError),
        ({"not_json": True}, InvalidResponse),
        ({"reset": True}, APIConnectionError),
        ({"stall": True}, requests.exceptions.Timeout),
    ],
    ids=str,
)
def test_method_and_url(
    server: Server, hasty: Hasty, faults: dict[str, Any], kind: type[Any], method: str, path: str, call: Any
) -> None:
    base_url = server.faulty(**faults)
    error = failure(lambda: call(PerformanceClient(base_url, "k"), hasty(max_retries=0, timeout_s=0.3)))
    assert isinstance(error, kind)
    assert str(error).splitlines()[-1].startswith(f"  {method} {base_url}{path}")
    assert f"  {method} " not in str(error.args)
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin) == str(error) and twin.args == error.args and type(twin) is type(error)


@every_operation
def test_the_system_s_reason(refused: str, hasty: Hasty, method: str, path: str, call: Any) -> None:
    error = failure(lambda: call(PerformanceClient(f"http://{refused}", "k"), hasty(max_retries=0)))
    assert type(error) is APIConnectionError and error.errno is None and len(error.args) == 1
    reason = os.strerror(errno.ECONNREFUSED)
    assert str(error).startswith(error.args[0])
    assert str(error).splitlines()[-1].startswith(f"  {method} http://{refused}{path}: {reason}")


def test_a_reset_connection(server: Server, hasty: Hasty) -> None:
    error = failure(
        lambda: PerformanceClient(server.faulty(reset=True), "k").batch_post("/x", [1], hasty(max_retries=0))
    )
    assert f": {os.strerror(errno.ECONNRESET)}" in str(error).splitlines()[-1]


def test_asynchronous(refused: str, hasty: Hasty) -> None:
    async def main() -> None:
        await PerformanceClient(f"http://{refused}", "k").async_batch_post("/x", [1], hasty(max_retries=0))

    error = failure(lambda: asyncio.run(main()))
    assert f"\n  POST http://{refused}/x: {os.strerror(errno.ECONNREFUSED)}" in str(error)


def test_a_reason_of_another_attempt_is_not_told(server: Server, refused: str, hasty: Hasty) -> None:
    """Transfers are used again, and libcurl keeps the last reason in them."""
    client = PerformanceClient(f"http://{refused}", "k")
    failure(lambda: client.batch_post("/x", [1], hasty(max_retries=0)))
    other = PerformanceClient(server.faulty(truncate=True), "k", client_wrapper=client.get_client_wrapper())
    error = failure(lambda: other.batch_post("/x", [1], hasty(max_retries=0)))
    assert type(error) is APIConnectionError
    assert os.strerror(errno.ECONNREFUSED) not in str(error)


def test_neither_query_nor_password(refused: str, hasty: Hasty) -> None:
    client = PerformanceClient(f"http://user:SECRET@{refused}/base", "k")
    error = failure(lambda: client.batch_post("/x?key=SECRET", [1], hasty(max_retries=0)))
    assert "SECRET" not in str(error) + repr(error)
    assert f"\n  POST http://{refused}/base/x: " in str(error)


def test_the_deadline_names_a_request(server: Server, hasty: Hasty) -> None:
    base_url = server.faulty(stall=True)
    client = PerformanceClient(base_url, "k")
    preference = hasty(timeout_s=0.3, total_timeout_s=0.3, retry_budget_pct=3.0)
    error = failure(lambda: client.batch_post("/x", [1], preference))
    assert isinstance(error, requests.exceptions.Timeout)
    assert f"\n  POST {base_url}/x" in str(error)


@pytest.mark.parametrize(
    ("faults", "options", "end"),
    [
        ({"status": 403}, {}, "not retried: 403 is final"),
        (
            {"status": 503}, {"non_retryable_status_codes": {503}},
            "not retried: 503 is final (non_retryable_status_codes)",
        ),
        ({"status": 500}, {"max_retries": 0}, "not retried: max_retries=0"),
        ({"status": 500}, {"max_retries": 1}, "gave up after 1 retry (max_retries=1)"),
        ({"status": 500}, {"max_retries": 2}, "gave up after 2 retries (max_retries=2)"),
        (
            {"status": 429, "retry_after": 3600}, {},
            "not waited for: Retry-After 3600 s is longer than patience_s=120",
        ),
        (
            {"status": 429, "retry_after": 60}, {"timeout_s": 5, "total_timeout_s": 5},
            "not waited for: Retry-After 60 s would end after total_timeout_s=5",
        ),
        (
            {"reset": True}, {"retry_budget_pct": 0.0},
            f"{os.strerror(errno.ECONNRESET)}; "
            "not retried again after 4 attempts: retry_budget_pct=0 used up (2 of 1)",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_why_there_was_no_further_attempt(
    server: Server, hasty: Hasty, faults: dict[str, Any], options: dict[str, Any], end: str
) -> None:
    base_url = server.faulty(**faults)
    path = f"/{uuid4()}"  # what a server asks for is remembered for its path
    error = failure(lambda: PerformanceClient(base_url, "k").batch_post(path, [1], hasty(**options)))
    assert str(error).splitlines()[-1] == f"  POST {base_url}{path}: {end}"


@pytest.mark.parametrize(
    ("headers", "body", "end"),
    [
        ({"x-should-retry": "false"}, "{}", "not retried: x-should-retry: false"),
        ({}, '{"error":{"code":"insufficient_quota"}}', "not retried: insufficient_quota"),
    ],
)
def test_a_server_that_says_so(
    httpserver: HTTPServer, hasty: Hasty, headers: dict[str, str], body: str, end: str
) -> None:
    httpserver.expect_request("/x").respond_with_data(body, 429, headers, content_type="application/json")
    error = failure(lambda: PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1], hasty()))
    assert str(error).endswith(f"\n  POST {httpserver.url_for('/x')}: {end}")


def test_an_endpoint_that_has_never_answered(refused: str, hasty: Hasty) -> None:
    error = failure(lambda: PerformanceClient(f"http://{refused}", "k").batch_post("/x", [1], hasty()))
    assert str(error).endswith(
        f"\n  POST http://{refused}/x: {os.strerror(errno.ECONNREFUSED)}; "
        f"not retried again after {error.attempts} attempts: the endpoint has never answered"
    )
