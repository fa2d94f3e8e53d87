"""Redirects: what is repeated, what becomes a GET, what is not followed, and where the key does not go."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import requests

from baseten_perf import APIConnectionError, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")


def headers_of(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer["headers"]}


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_307_and_308_repeat_the_request(client: PerformanceClient, status: int, method: str) -> None:
    (answer,) = client.batch_post(f"/redirect/{status}?to=/echo", [{"a": 1}], method=method).data
    assert (answer["method"], answer["body"]) == (method, "" if method == "GET" else '{"a":1}')
    assert headers_of(answer).get("content-type") == (None if method == "GET" else "application/json")


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET"])
def test_301_302_and_303_become_a_bodyless_get(client: PerformanceClient, status: int, method: str) -> None:
    (answer,) = client.batch_post(f"/redirect/{status}?to=/echo", [{"a": 1}], method=method).data
    assert (answer["method"], answer["body"]) == ("GET", "")
    assert headers_of(answer).get("content-length") in (None, "0")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_that_get_has_no_content_type(client: PerformanceClient, status: int) -> None:
    (answer,) = client.batch_post(f"/redirect/{status}?to=/echo", [{"a": 1}]).data
    assert "content-type" not in headers_of(answer)


def test_the_request_after_a_redirect_is_a_post_again(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/redirect/303?to=/echo", [1], max_concurrent_requests=1)
    client.batch_post("/x", [2])
    assert [(request.method, request.body) for request in server.requests()] == [
        ("POST", b"1"), ("GET", b""), ("POST", b"2"),
    ]  # fmt: skip


def test_the_same_call_goes_on_with_posts(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/redirect/303?to=/echo", [1, 2, 3], max_concurrent_requests=1)
    assert [(request.method, request.body) for request in server.requests()] == [
        ("POST", b"1"), ("GET", b""), ("POST", b"2"), ("GET", b""), ("POST", b"3"), ("GET", b""),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [300, 304, 305, 306, 309, 399])
def test_other_3xx_are_errors(client: PerformanceClient, server: Server, status: int) -> None:
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post(f"/redirect/{status}?to=/echo", [1])
    assert caught.value.args[0] == caught.value.response.status_code == status
    assert server.statistics().requests == 1


def test_a_redirect_to_nowhere_is_an_error(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=302), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", [1])
    assert caught.value.args[0] == 302


def test_referer(client: PerformanceClient, server: Server) -> None:
    (answer,) = client.batch_post("/redirect/307?to=/echo", [1]).data
    assert headers_of(answer)["referer"] == f"{server.url}/redirect/307?to=/echo"


def test_the_key_stays_on_its_server(client: PerformanceClient, server: Server, api_key: str) -> None:
    (answer,) = client.batch_post("/redirect/307?to=/echo", [1]).data
    assert headers_of(answer)["authorization"] == f"Bearer {api_key}"


def test_the_key_does_not_go_to_another_port(
    client: PerformanceClient, other_server: Server, api_key: str
) -> None:
    to = quote(f"{other_server.url}/echo")
    (answer,) = client.batch_post(f"/redirect/307?to={to}", [{"a": 1}]).data
    assert answer["body"] == '{"a":1}'
    assert "authorization" not in headers_of(answer)
    assert api_key not in repr(other_server.requests())
    assert headers_of(answer)["host"] == f"127.0.0.1:{other_server.port}"


def test_the_key_does_not_go_to_another_host(client: PerformanceClient, server: Server, api_key: str) -> None:
    to = quote(f"http://localhost:{server.port}/echo")
    (answer,) = client.batch_post(f"/redirect/307?to={to}", [1]).data
    assert "authorization" not in headers_of(answer)


def test_nor_does_a_caller_s_key(client: PerformanceClient, other_server: Server) -> None:
    to = quote(f"{other_server.url}/echo")
    (answer,) = client.batch_post(
        f"/redirect/307?to={to}", [1], custom_headers={"Authorization": "Basic c2VjcmV0"}
    ).data
    assert "authorization" not in headers_of(answer)


def test_ten_redirects_are_followed(client: PerformanceClient, server: Server) -> None:
    target = "/echo"
    for _ in range(10):
        target = f"/redirect/307?to={quote(target, safe='')}"
    (answer,) = client.batch_post(target, [1]).data
    assert answer["body"] == "1"
    assert server.statistics().requests == 11


def test_endless_redirects(client: PerformanceClient, server: Server) -> None:
    with pytest.raises(APIConnectionError) as caught:
        client.batch_post("/redirect/307", [1])
    assert "redirect" in str(caught.value)
    assert caught.value.attempts == 1  # type: ignore[attr-defined]
    assert server.statistics().requests == 11


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
def test_redirects_out_of_http_are_refused(client: PerformanceClient, location: str) -> None:
    with pytest.raises(APIConnectionError):
        client.batch_post(f"/redirect/302?to={quote(location)}", [1])


def test_the_error_has_the_final_url(client: PerformanceClient, server: Server) -> None:
    target = quote("/-/status=404/x", safe="")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post(f"/redirect/307?to={target}", [1])
    assert caught.value.response.url == f"{server.url}/-/status=404/x"
