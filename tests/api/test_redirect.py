"""Redirects: what is repeated, what becomes a GET, what is not followed, and where the key does not go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server

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


def test_no_referer_is_sent(client: PerformanceClient, other_server: Server) -> None:
    for to in ("/echo", f"{other_server.url}/echo"):
        (answer,) = client.batch_post(f"/redirect/307?to={quote(to)}", [1]).data
        assert "referer" not in headers_of(answer)


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


CREDENTIALS = {
    "Cookie": "SECRET",
    "proxy-authorization": "SECRET",
    "API-Key": "SECRET",
    "x-api-key": "SECRET",
    "X-ApiKey": "SECRET",
    "x-api_key": "SECRET",
    "x-amz-security-token": "SECRET",
    "my-secret": "SECRET",
    "x-auth": "SECRET",
    "password": "SECRET",
    "Ocp-Apim-Subscription-Key": "SECRET",
    "x" * 300: "SECRET",
}
HARMLESS = {"x-team": "search", "accept-language": "en", "x-monkey": "ape", "traceparent": "00-1-2-01"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["{url}/echo", "//127.0.0.1:{port}/echo", "http://user:word@127.0.0.1:{port}/echo"])
def test_no_credentials_go_to_another_origin(server: Server, other_server: Server, status: int, place: str) -> None:
    client = PerformanceClient(server.url, "SECRET")
    to = place.format(url=other_server.url, port=other_server.port)
    (answer,) = client.batch_post(
        f"/redirect/{status}?to={quote(to)}", [1], custom_headers={**CREDENTIALS, **HARMLESS}
    ).data
    headers = headers_of(answer)
    assert "SECRET" not in str(headers) and "authorization" not in headers
    assert {name: headers.get(name) for name in HARMLESS} == HARMLESS
    assert headers["x-baseten-customer-request-id"].endswith("-0-0")
    assert headers["user-agent"].startswith("baseten-perf")


@pytest.mark.parametrize("place", ["/echo", "../echo?x=1", "HTTP://127.0.0.1:{port}/echo", "//127.0.0.1:{port}/echo"])
def test_all_headers_go_to_the_same_origin(server: Server, place: str) -> None:
    client = PerformanceClient(server.url, "KEY")
    to = quote(place.format(port=server.port), safe="")
    (answer,) = client.batch_post(f"/redirect/307?to={to}", [1], custom_headers=CREDENTIALS).data
    headers = headers_of(answer)
    assert {name: headers[name.lower()] for name in CREDENTIALS} == CREDENTIALS
    assert headers["authorization"] == "Bearer KEY"


def test_a_redirect_back_does_not_restore_them(client: PerformanceClient, server: Server, other_server: Server) -> None:
    back = quote(f"{other_server.url}/redirect/307?to={quote(server.url + '/echo', safe='')}", safe="")
    (answer,) = client.batch_post(f"/redirect/307?to={back}", [1], custom_headers=CREDENTIALS).data
    assert headers_of(answer)["host"] == f"127.0.0.1:{server.port}"
    assert not {"authorization", "x-api-key", "cookie"} & headers_of(answer).keys()


def test_the_next_request_has_its_credentials_again(
    client: PerformanceClient, server: Server, other_server: Server, api_key: str
) -> None:
    to = quote(f"{other_server.url}/echo")
    for _ in range(2):
        client.batch_post(
            f"/redirect/307?to={to}", list(range(20)), max_concurrent_requests=2, custom_headers=CREDENTIALS
        )
    for request in server.requests():
        assert request.header("authorization") == f"Bearer {api_key}"
        assert request.header("x-api-key") == "SECRET"
    assert "SECRET" not in repr(other_server.requests())
    assert len(other_server.requests()) == 40


def test_retries_have_them_too(server: Server, other_server: Server) -> None:
    # The other server fails; the retry begins at the first one again.
    client = PerformanceClient(server.url, "KEY")
    to = quote(other_server.faulty(status=500, times=2) + "/x", safe="")
    preference = RequestProcessingPreference(initial_backoff_ms=50, extra_headers=CREDENTIALS)
    client.batch_post(f"/redirect/307?to={to}", [1], preference)
    assert [request.header("x-api-key") for request in server.requests()] == ["SECRET"] * 3
    assert len(other_server.requests()) == 3 and "SECRET" not in repr(other_server.requests())


def test_hedges_too(server: Server, other_server: Server) -> None:
    leads = Faults(status=307, location=f"{other_server.url}/x")
    client = PerformanceClient(server.faulty(replace(leads, latency=5.0, first=1), leads), "KEY")
    preference = RequestProcessingPreference(timeout_s=10, hedge_delay=0.05, extra_headers=CREDENTIALS)
    client.batch_post("/x", [1], preference)
    assert [request.header("x-api-key") for request in server.requests()] == ["SECRET"] * 2
    (hedge,) = other_server.requests()
    assert (hedge.header("x-baseten-customer-request-id") or "").endswith("-hedge-1")
    assert "SECRET" not in repr(hedge)


@pytest.fixture(scope="module")
def secure(server_certificate: Path) -> Iterator[Server]:
    with Server(tls=(server_certificate, server_certificate), record=True) as started:
        yield started


def test_from_https_to_http_is_refused(server: Server, secure: Server, trusted: Path) -> None:
    client = PerformanceClient(secure.url, "KEY", verify=trusted)
    for to in (f"{server.url}/echo", f"HTTP://127.0.0.1:{server.port}", f"http://user:word@127.0.0.1:{server.port}/x"):
        with pytest.raises(APIConnectionError, match="redirects from https to http") as caught:
            client.batch_post(f"/redirect/307?to={quote(to, safe='')}", [1])
        assert caught.value.attempts == 1  # type: ignore[attr-defined]
        assert "word" not in str(caught.value)
    assert server.statistics().requests == 0
    # The same transfer goes on as before.
    assert client.batch_post("/redirect/307?to=/echo", [1]).data[0]["body"] == "1"


def test_from_http_to_https_and_not_back(server: Server, secure: Server, trusted: Path) -> None:
    client = PerformanceClient(server.url, "KEY", verify=trusted)
    (answer,) = client.batch_post(f"/redirect/307?to={quote(secure.url + '/echo')}", [1]).data
    assert "authorization" not in headers_of(answer)
    back = quote(f"{secure.url}/redirect/307?to={quote(server.url + '/echo', safe='')}", safe="")
    with pytest.raises(APIConnectionError, match="redirects from https to http"):
        client.batch_post(f"/redirect/307?to={back}", [1])
    assert [request.path for request in server.requests()] == ["/redirect/307", "/redirect/307"]


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
