"""The header lines of a request: names, values, and the caller's in place of ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import baseten_perf
from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import RecordedRequest, Server

Recorded = Callable[[Callable[[], Any]], list[RecordedRequest]]


def lines(request: RecordedRequest, name: str) -> list[str]:
    """The values of all header lines of that name."""
    return [value for given, value in request.headers if given.lower() == name.lower()]


def sent(client: PerformanceClient, server: Server, **extra_headers: str) -> RecordedRequest:
    client.batch_post("/x", [1], RequestProcessingPreference(extra_headers=extra_headers))
    return server.requests()[-1]


def test_all_names_and_values(client: PerformanceClient, server: Server, api_key: str) -> None:
    before = int(time.time() * 1000)
    client.embed(["a"], "m", timeout_s=12.0005)
    after = int(time.time() * 1000) + 1
    (request,) = server.requests()
    headers = {name.lower(): value for name, value in request.headers}
    assert len(headers) == len(request.headers)
    assert before + 12000 <= int(headers.pop("request-deadline-ms")) <= after + 12001
    assert headers.pop("x-baseten-customer-request-id").startswith("perfclient-")
    assert set(headers.pop("accept-encoding").split(", ")) >= {"gzip", "deflate"}
    assert headers == {
        "authorization": f"Bearer {api_key}",
        "request-timeout-ms": "12001",
        "accept": "application/json, application/msgpack",
        "content-type": "application/json",
        "user-agent": f"baseten-perf/{baseten_perf.__version__}",
        "host": f"127.0.0.1:{server.port}",
        "content-length": "27",
    }


def with_method(method: str) -> Callable[[Any, Any], Any]:
    return lambda client, preference: client.batch_post("/echo?a=b", [{"a": 1}], preference(timeout_s=7.25), method)


def awaited(name: str, *arguments: Any) -> Callable[[Any, Any], Any]:
    async def call(client: Any, preference: Any) -> Any:
        return await getattr(client, f"async_{name}")(*arguments, preference=preference(batch_size=2))

    return lambda client, preference: asyncio.run(call(client, preference))


# (client, preference class) -> response
ALIKE: dict[str, Callable[[Any, Any], Any]] = {
    "embed": lambda client, preference: client.embed(["a"], "m"),
    "rerank": lambda client, preference: client.rerank("q", ["a"]),
    "classify": lambda client, preference: client.classify(["a"]),
    "batch_post": lambda client, preference: client.batch_post("/x", [{}]),
    "batch_system_one": lambda client, preference: client.batch_system_one([{"state": 1}, {"state": 2}]),
    "extra headers": lambda client, preference: client.embed(
        ["a"], "m", preference=preference(extra_headers={"X-Mine": "ü 1", "accept": "text/plain", "x-empty": ""})
    ),
    "async_embed": awaited("embed", ["a", "b", "c"], "m"),
    "async_rerank": awaited("rerank", "q", ["a", "b", "c"]),
    "async_classify": awaited("classify", ["a", "b", "c"]),
    "async_batch_post": awaited("batch_post", "/x", [1, 2, 3]),
    **{method: with_method(method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")},
}


@pytest.mark.parametrize("call", ALIKE.values(), ids=ALIKE.keys())
def test_as_the_peer(peer: Any, server: Server, recorded: Recorded, call: Callable[[Any, Any], Any]) -> None:
    """The whole request, but for the order of its header lines and the case of their names."""

    def compared(request: RecordedRequest) -> tuple[str, str, dict[str, str], bytes]:
        headers = {name.lower(): value for name, value in request.headers}
        assert len(headers) == len(request.headers)
        for name in ("request-deadline-ms", "x-baseten-customer-request-id"):
            headers[name] = "".join("0" if character.isalnum() else character for character in headers[name])
        # What differs on purpose: we decode other content encodings.
        for name in ("accept-encoding", "user-agent"):
            assert headers.pop(name)
        return request.method, request.target, headers, request.body

    ours = recorded(lambda: call(PerformanceClient(server.url, "key"), RequestProcessingPreference))
    theirs = recorded(lambda: call(peer.PerformanceClient(server.url, "key"), peer.RequestProcessingPreference))
    assert [compared(request) for request in ours] == [compared(request) for request in theirs]


def test_a_large_body_is_sent_without_expect(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", ["x" * 3_000_000])
    (request,) = server.requests()
    assert request.header("expect") is None
    assert request.header("transfer-encoding") is None
    assert request.header("content-length") == "3000002"


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD"])
def test_without_a_body_there_is_no_content_type(client: PerformanceClient, server: Server, method: str) -> None:
    client.batch_post("/echo", [1], method=method)
    (request,) = server.requests()
    assert request.header("content-type") is None
    assert request.header("content-length") in (None, "0")
    assert request.header("transfer-encoding") is None


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "CONTENT-TYPE", "User-Agent", "accept", "Accept-Encoding", "host", "Request-Timeout-Ms",
        "request-deadline-ms", "X-Baseten-Customer-Request-Id",
    ],
)  # fmt: skip
def test_extra_headers_replace_ours(client: PerformanceClient, server: Server, name: str) -> None:
    request = sent(client, server, **{name: "mine"})
    assert lines(request, name) == ["mine"]


def test_of_extra_headers_that_differ_in_case_one_is_sent(client: PerformanceClient, server: Server) -> None:
    request = sent(client, server, **{"X-Colour": "red", "x-colour": "blue"})
    assert lines(request, "x-colour") == ["blue"]


@pytest.mark.parametrize("value", ["", "ü€ 😀", "a: b; c", "tab\there", '"quoted"'])
def test_values_of_extra_headers(client: PerformanceClient, server: Server, value: str) -> None:
    request = sent(client, server, **{"x-mine": value})
    assert [text.encode("latin-1").decode() for text in lines(request, "x-mine")] == [value]


def test_custom_headers_go_over_extra_headers(client: PerformanceClient, server: Server) -> None:
    preference = RequestProcessingPreference(extra_headers={"X-One": "1", "X-Two": "2"})
    client.batch_post("/x", [1], preference, custom_headers={"x-two": "two", "x-three": "three"})
    (request,) = server.requests()
    assert [lines(request, name) for name in ("x-one", "x-two", "x-three")] == [["1"], ["two"], ["three"]]


def test_extra_headers_of_a_call_do_not_stick(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1], custom_headers={"x-mine": "1", "authorization": "Other"})
    client.batch_post("/x", [1])
    first, second = server.requests()
    assert first.connection == second.connection
    assert first.header("x-mine") == "1"
    assert second.header("x-mine") is None
    assert second.header("authorization") != "Other"


def test_extra_headers_in_every_operation(client: PerformanceClient, server: Server) -> None:
    preference = RequestProcessingPreference(extra_headers={"x-mine": "1"})
    client.embed(["a"], "m", preference=preference)
    client.rerank("q", ["a"], preference=preference)
    client.classify(["a"], preference=preference)
    client.batch_post("/x", [1], preference=preference)
    assert [request.header("x-mine") for request in server.requests()] == ["1"] * 4


def test_the_deadline_is_fresh_for_each_attempt(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, times=2), "k")
    client.batch_post("/x", [1], RequestProcessingPreference(initial_backoff_ms=50))
    deadlines = [int(request.header("request-deadline-ms") or 0) for request in server.requests()]
    assert len(deadlines) == 3
    assert deadlines[0] + 50 <= deadlines[1] and deadlines[1] + 200 <= deadlines[2]
    assert len({request.header("request-timeout-ms") for request in server.requests()}) == 1
