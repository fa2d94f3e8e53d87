"""PostRequest: requests of one batch_post with paths, methods, headers, queries and contents of their own."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import (
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    PerformanceClient,
    PostRequest,
    RequestProcessingPreference,
    TraceContext,
)
from baseten_perf.testing import RecordedRequest, Server

Recorded = Callable[[Callable[[], Any]], list[RecordedRequest]]


def heads(found: list[RecordedRequest]) -> list[tuple[str, str, bytes]]:
    return [(request.method, request.target, request.body) for request in found]


def test_each_its_own(client: PerformanceClient, recorded: Recorded, poller: str) -> None:
    found = recorded(
        lambda: client.batch_post(
            "/echo",
            [
                {"plain": 1},
                PostRequest({"a": 1}),
                PostRequest({"a": 2}, url_path="/other?x=1"),
                PostRequest(method="GET", url_path="/echo"),
                PostRequest([1], method="put"),  # type: ignore[arg-type]
                PostRequest(content=b"\x00raw"),
                PostRequest(content=b""),
                PostRequest(method="HEAD", url_path="/echo"),
                PostRequest(5, headers={"X-Mine": "yes", "Content-Type": "text/plain"}),
                PostRequest(None),
            ],
        )
    )
    assert heads(found) == [
        ("POST", "/echo", b'{"plain":1}'),
        ("POST", "/echo", b'{"a":1}'),
        ("POST", "/other?x=1", b'{"a":2}'),
        ("GET", "/echo", b""),
        ("PUT", "/echo", b"[1]"),
        ("POST", "/echo", b"\x00raw"),
        ("POST", "/echo", b""),
        ("HEAD", "/echo", b""),
        ("POST", "/echo", b"5"),
        ("POST", "/echo", b"null"),
    ]
    types = [request.header("content-type") for request in found]
    binary = "application/octet-stream"
    as_json = "application/json"
    assert types == [as_json, as_json, as_json, None, as_json, binary, binary, None, "text/plain", as_json]
    assert [request.header("x-mine") for request in found] == [None] * 8 + ["yes", None]
    assert {request.header("authorization") for request in found} == {"Bearer sk-test-7f3a9c"}


def test_answers_are_in_order(client: PerformanceClient) -> None:
    made = [
        PostRequest(i, method="GET" if i % 3 == 0 else "POST", url_path="/echo", params={"i": i}) for i in range(300)
    ]
    answers = client.batch_post("/nowhere", made, max_concurrent_requests=16).data
    assert [(answer["query"], answer["method"]) for answer in answers] == [
        (f"i={i}", "GET" if i % 3 == 0 else "POST") for i in range(300)
    ]


def test_lenient_methods_are_those_of_each_request(client: PerformanceClient) -> None:
    made = [PostRequest(method="HEAD"), PostRequest(1), PostRequest(method="OPTIONS")]
    answers = client.batch_post("/echo", made).data
    assert answers[0] == {} and answers[1]["body"] == "1" and answers[2]["method"] == "OPTIONS"


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("/x", {"a": 1, "b": 1.5, "c": True, "d": None, "e": "ä b&c"}, "/x?a=1&b=1.5&c=true&e=%C3%A4+b%26c"),
        ("/x?z=0", {"a": [1, "2", None, False]}, "/x?z=0&a=1&a=2&a=false"),
        ("/x#fragment", [("a", 1), ("a", 2)], "/x?a=1&a=2"),
        ("/x", {}, "/x"),
        ("/x", {"a": None}, "/x"),
        ("", {"a": "?#"}, "/?a=%3F%23"),
    ],
)
def test_params(client: PerformanceClient, server: Server, path: str, params: Any, target: str) -> None:
    client.batch_post("/y", [PostRequest(url_path=path, params=params)])
    assert [request.target for request in server.requests()] == [target]


def test_headers_replace_those_of_the_call(client: PerformanceClient, recorded: Recorded) -> None:
    found = recorded(
        lambda: client.batch_post(
            "/x",
            [
                PostRequest(1, headers={"AUTHORIZATION": "Basic abc", "accept": "text/csv", "x-both": "mine"}),
                PostRequest(2, headers={"x-baseten-customer-request-id": "mine-0-1", "x-empty": ""}),
                PostRequest(content=b"3"),
                4,
            ],
            custom_headers={"X-Both": "call", "Content-Type": "text/call"},
        )
    )
    by_body = {request.body: request for request in found}
    first, second, third, fourth = by_body[b"1"], by_body[b"2"], by_body[b"3"], by_body[b"4"]
    assert [value for name, value in first.headers if name.lower() == "authorization"] == ["Basic abc"]
    assert (first.header("accept"), first.header("x-both")) == ("text/csv", "mine")
    assert second.header("x-baseten-customer-request-id") == "mine-0-1"
    assert (second.header("x-empty"), second.header("x-both")) == ("", "call")
    assert {each.header("content-type") for each in (first, second, third, fourth)} == {"text/call"}


BAD: list[tuple[PostRequest, type[Exception], str]] = [
    (PostRequest(url_path=5), TypeError, "payloads[1].url_path must be a str, not int"),  # type: ignore[arg-type]
    (PostRequest(url_path="https://elsewhere.invalid/SECRET"), ValueError,
     "payloads[1].url_path must be a path, not an absolute URL"),
    (PostRequest(method="FOO"), ValueError, "payloads[1].method must be one of GET, POST"),  # type: ignore[arg-type]
    (PostRequest(method=1), TypeError, "payloads[1].method must be a str, not int"),  # type: ignore[arg-type]
    (PostRequest(headers=["a"]), TypeError, "payloads[1].headers must be a mapping"),  # type: ignore[arg-type]
    (PostRequest(headers={"a": 1}), TypeError, "payloads[1].headers must be a mapping"),  # type: ignore[dict-item]
    (PostRequest(headers={"a b": "SECRET"}), ValueError, "payloads[1].headers: Invalid header name"),
    (PostRequest(headers={"a": "SECRET\r\nx: y"}), ValueError, "payloads[1].headers: Invalid value of header 'a'"),
    (PostRequest(headers={"content-length": "1"}), ValueError, "payloads[1].headers: Header 'content-length'"),
    (PostRequest(params="a=1"), TypeError, "payloads[1].params must be a mapping"),  # type: ignore[arg-type]
    (PostRequest(params=[1]), TypeError, "payloads[1].params must hold pairs"),  # type: ignore[list-item]
    (PostRequest(params={1: 1}), TypeError, "a name in payloads[1].params must be a str"),  # type: ignore[dict-item]
    (PostRequest(params={"a": b"x"}), TypeError, "payloads[1].params['a'] must be a str, a number or a bool"),
    (PostRequest(params={"a": "\ud800"}), UnicodeEncodeError, "'utf-8' codec"),
    (PostRequest(content="a"), TypeError, "payloads[1].content must be bytes, not str"),  # type: ignore[arg-type]
    (PostRequest(1, content=b"a"), ValueError, "payloads[1].content and a payload cannot both be given"),
    (PostRequest(content=b"a", method="GET"), ValueError, "payloads[1].content cannot be sent with GET"),
    (PostRequest({1}.union({b"x"})), ValueError, "Failed to depythonize payload at index 1: "),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD, ids=[message for _, _, message in BAD])
def test_refused(
    client: PerformanceClient, server: Server, bad: PostRequest, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        client.batch_post("/x", [PostRequest(1), bad])
    assert str(caught.value).startswith(message) and "SECRET" not in str(caught.value)
    assert server.statistics().requests == 0


def test_a_trace_cannot_be_given_twice(client: PerformanceClient, server: Server) -> None:
    made = [PostRequest(1), PostRequest(2, headers={"traceparent": "00-b"})]
    with pytest.raises(ValueError, match=r"payloads\[1\]\.headers: trace_context cannot be combined"):
        client.batch_post("/x", made, trace_context=TraceContext("00-a"))
    assert server.statistics().requests == 0


def test_errors_name_the_request_and_its_own_method(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    made = [PostRequest(1), PostRequest(2), PostRequest(method="DELETE", url_path="/gone", params={"key": "SECRET"})]
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", made, max_concurrent_requests=1)
    error: Any = caught.value
    assert (error.response.status_code, error.batch_index, error.request.method) == (404, 2, "DELETE")
    assert error.response.url == f"{server.url}/gone" and "SECRET" not in str(error)
    assert list(error.partial) == [1, 2, None]


def test_retries_and_redirects(server: Server, poller: str) -> None:
    client = PerformanceClient(server.faulty(status=503, times=2, retry_after=0), "k")
    made = [PostRequest(i, url_path=f"/{i}", method="PUT" if i % 2 else "POST") for i in range(20)]
    assert client.batch_post("/x", made, max_concurrent_requests=3).data == list(range(20))
    counts: dict[tuple[str, str], int] = {}
    for request in server.requests():
        counts[request.method, request.path] = counts.get((request.method, request.path), 0) + 1
    assert counts == {("PUT" if i % 2 else "POST", f"/{i}"): 3 for i in range(20)}
    redirected = [
        PostRequest(1, url_path="/redirect/303?to=/echo"),
        PostRequest(2, url_path="/redirect/307?to=/echo", method="PATCH"),
        PostRequest(method="GET", url_path="/redirect/302?to=/echo"),
    ]
    answers = PerformanceClient(server.url, "k").batch_post("/x", redirected).data
    assert [(answer["method"], answer["body"]) for answer in answers] == [("GET", ""), ("PATCH", "2"), ("GET", "")]


def test_hedges_are_sent_as_their_request(server: Server) -> None:
    client = PerformanceClient(server.faulty(stall=True, times=1), "k")
    made = [PostRequest(1, url_path="/a", method="PUT", headers={"x-mine": "1"})]
    assert client.batch_post("/x", made, hedge_delay=0.05).data == [1]
    assert [(each.method, each.path, each.header("x-mine")) for each in server.requests()] == [("PUT", "/a", "1")] * 2


def test_an_endpoint_pool(server: Server, other_server: Server, no_probes_left: None) -> None:
    pool = EndpointPool([Endpoint(each.url, "k", HttpClientWrapper()) for each in (server, other_server)])
    client = PerformanceClient("http://unused.invalid", "k", endpoint_pool=pool)
    made = [PostRequest(i, url_path=f"/echo?{i}", method="PUT") for i in range(40)]
    answers = client.batch_post("/x", made).data
    assert [(answer["query"], answer["method"]) for answer in answers] == [(str(i), "PUT") for i in range(40)]
    for each in (server, other_server):
        assert any(request.method == "PUT" for request in each.requests())


def test_large_bodies_and_small_ones_in_turn(client: PerformanceClient, recorded: Recorded) -> None:
    contents = [bytes([65 + i % 26]) * (200_000 if i % 3 else 10) for i in range(30)]
    made = [PostRequest(content=content, url_path=f"/{i}") for i, content in enumerate(contents)]
    found = recorded(lambda: client.batch_post("/x", made, max_concurrent_requests=4, response_format="bytes"))
    assert [request.body for request in found] == contents


def test_await_and_cancel(server: Server, eventually: Callable[..., None], poller: str) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")

    async def main() -> None:
        made = [PostRequest(i, url_path=f"/{i}", headers={"x": str(i)}) for i in range(200)]
        future = client.async_batch_post("/x", made, max_concurrent_requests=8)
        del made
        await asyncio.to_thread(eventually, lambda: server.statistics().requests_active == 8)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        response = await PerformanceClient(server.url, "k").async_batch_post("/x", [PostRequest(1, url_path="/y")])
        assert response.data == [1]

    asyncio.run(main())
    gc.collect()


def test_heads_of_thousands_take_no_memory_for_long(client: PerformanceClient) -> None:
    made = [PostRequest(i, url_path="/x", params={"i": i}) for i in range(5000)]
    assert client.batch_post("/x", made, max_concurrent_requests=32).data == list(range(5000))


def test_an_array_of_requests(client: PerformanceClient) -> None:
    made = numpy.array([PostRequest(1), 2, None], dtype=object)
    assert client.batch_post("/x", made).data == [1, 2, None]


def test_its_repr_hides_headers_and_params() -> None:
    request = PostRequest({"a": 1}, url_path="/x", method="PUT", headers={"h": "SECRET"}, params={"p": "SECRET"})
    assert repr(request) == (
        "PostRequest(payload={'a': 1}, url_path='/x', method='PUT', headers={'h': '...'}, params={'p': '...'})"
    )
    assert repr(PostRequest(content=b"SECRET")) == "PostRequest(content='6 bytes')"
    assert repr(PostRequest(headers=[1], params="a=SECRET")) == "PostRequest(headers='...', params='...')"  # type: ignore[arg-type]
    assert repr(PostRequest()) == "PostRequest()"


def test_it_is_a_constant_value() -> None:
    request = PostRequest({"a": 1}, url_path="/x", headers={"h": "v"})
    assert request == PostRequest({"a": 1}, url_path="/x", headers={"h": "v"}) != PostRequest({"a": 1})
    for twin in (copy.copy(request), copy.deepcopy(request), pickle.loads(pickle.dumps(request))):
        assert twin == request
    with pytest.raises(AttributeError):
        request.payload = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        PostRequest(1, "/x")  # type: ignore[misc]


def test_a_mapping_in_a_payload_stays_one(client: PerformanceClient) -> None:
    with pytest.raises(ValueError, match="PostRequest is no JSON value"):
        client.batch_post("/x", [[PostRequest(1)]])
    assert json.loads(json.dumps(client.batch_post("/x", [PostRequest({"payload": 1})]).data)) == [{"payload": 1}]


def test_the_pool_keeps_its_preference(server: Server) -> None:
    preference = RequestProcessingPreference(extra_headers={"x-all": "1"})
    client = PerformanceClient(server.url, "k", preference=preference)
    client.batch_post("/x", [PostRequest(1, headers={"x-one": "2"}), 2], max_concurrent_requests=1)
    assert [(each.header("x-all"), each.header("x-one")) for each in server.requests()] == [("1", "2"), ("1", None)]
