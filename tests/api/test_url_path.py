"""Where requests go: base URL and path joined and normalised."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import Endpoint, EndpointPool, HttpClientWrapper, PerformanceClient
from baseten_perf.testing import RecordedRequest, Server

Recorded = Callable[[Callable[[], Any]], list[RecordedRequest]]

PATHS = [
    "", "/", "x", "/x", " /x ", "//foo", "/a/../b", "/a/./b/", "/../x", "/a b", "/ü/😀", "/%41%2F%zz", "?a=1",
    "/x?q=ä b&c=%20",
    "/x#fragment", "/x?a#b", "/http://elsewhere.invalid/x", "/a;b=c:d@e", "/{curly}|^`<>\"", "/x?{}|^`<>\"'", "/\\back",
    "/%2e%2e/x", "/x\ty", "/a//b", "/x?", "/*~!$&'()+,",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths_as_the_peer(peer: Any, server: Server, recorded: Recorded, path: str) -> None:
    for base in (server.url, server.url + "/base"):
        ours = recorded(lambda base=base: PerformanceClient(base, "k").batch_post(path, [1]))
        theirs = recorded(lambda base=base: peer.PerformanceClient(base, "k").batch_post(path, [1]))
        assert [request.target for request in ours] == [request.target for request in theirs]


@pytest.mark.parametrize("suffix", ["", "/", "//", "/p", "/p/", "/p//", "/ü", "/a b", "/a/../b", "/%2F"])
def test_base_urls_as_the_peer(peer: Any, server: Server, recorded: Recorded, suffix: str) -> None:
    ours = recorded(lambda: PerformanceClient(server.url + suffix, "k").batch_post("/echo", [1]))
    theirs = recorded(lambda: peer.PerformanceClient(server.url + suffix, "k").batch_post("/echo", [1]))
    assert [request.target for request in ours] == [request.target for request in theirs]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("x", "/x"),
        (" /x ", "/x"),
        ("//foo", "//foo"),
        ("?a=1", "/?a=1"),
        ("/a/../b c", "/b%20c"),
        ("/ü?q=ü", "/%C3%BC?q=%C3%BC"),
        ("/x#fragment", "/x"),
    ],
)
def test_paths(client: PerformanceClient, server: Server, path: str, target: str) -> None:
    client.batch_post(path, [1])
    assert [request.target for request in server.requests()] == [target]


def test_a_query_of_the_base_url_stays_behind_the_path(server: Server) -> None:
    PerformanceClient(f"{server.url}/v?key=1", "k").batch_post("/x?b=2", [1])
    assert [request.target for request in server.requests()] == ["/v/x?key=1&b=2"]


def test_a_fragment_of_the_base_url_is_dropped(server: Server) -> None:
    PerformanceClient(f"{server.url}/v#fragment", "k").batch_post("/x", [1])
    assert [request.target for request in server.requests()] == ["/v/x"]


def test_blanks_before_the_base_url(server: Server) -> None:
    assert PerformanceClient(f"  {server.url}", "k").batch_post("/x", [1]).data == [1]


def test_user_and_password_of_the_base_url_are_not_sent(server: Server) -> None:
    client = PerformanceClient(server.url.replace("://", "://user:secret@"), "k")
    client.batch_post("/x", [1])
    (request,) = server.requests()
    assert [value for name, value in request.headers if name.lower() == "authorization"] == ["Bearer k"]
    assert "secret" not in repr(request.headers) + request.target


def test_ipv6(eventually: Any) -> None:
    try:
        server = Server(host="::1", record=True)
    except RuntimeError:
        pytest.skip("no IPv6 loopback here")
    with server:
        assert PerformanceClient(f"http://[::1]:{server.port}", "k").batch_post("/x", [1]).data == [1]


def test_localhost(server: Server) -> None:
    assert PerformanceClient(f"http://localhost:{server.port}", "k").batch_post("/x", [1, 2]).data == [1, 2]


def test_upper_case_scheme(server: Server) -> None:
    assert PerformanceClient(server.url.replace("http:", "HTTP:"), "k").batch_post("/x", [1]).data == [1]


@pytest.mark.parametrize(
    ("base", "targets"),
    [
        ("/v1", ["/v1/embeddings", "/v1/rerank", "/v1/predict", "/v1/x"]),
        ("/v1/", ["/v1/embeddings", "/v1/rerank", "/v1/predict", "/v1/x"]),
        ("/v1/embeddings", ["/v1/embeddings", "/v1/rerank", "/v1/predict", "/v1/x"]),
        ("/v1/rerank", ["/v1/embeddings", "/v1/rerank", "/v1/predict", "/v1/x"]),
        ("/v1/classify", ["/v1/embeddings", "/v1/rerank", "/v1/classify", "/v1/x"]),
        ("/rerank", ["/rerank/v1/embeddings", "/rerank", "/rerank/predict", "/rerank/v1/x"]),
        ("/sync", ["/sync/v1/embeddings", "/sync/rerank", "/sync/predict", "/sync/v1/x"]),
    ],
)
@pytest.mark.parametrize("by_endpoint", [False, True])
@pytest.mark.usefixtures("no_probes_left")
def test_nothing_is_doubled(httpserver: HTTPServer, base: str, targets: list[str], by_endpoint: bool) -> None:
    asked: list[str] = []

    def answer(request: Any) -> Response:
        if request.method == "POST":
            asked.append(request.path)
        return Response("{}", 403)

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    url = httpserver.url_for(base)
    client = PerformanceClient(url, "k")
    if by_endpoint:
        endpoint = Endpoint(url, "k", HttpClientWrapper(), health_check_interval_s=3600)
        client = PerformanceClient("http://unused", "k", endpoint_pool=EndpointPool([endpoint]))
    for call in (
        lambda: client.embed(["a"], "m"),
        lambda: client.rerank("q", ["a"]),
        lambda: client.classify(["a"]),
        lambda: client.batch_post("/v1/x", [1]),
    ):
        with pytest.raises(requests.exceptions.HTTPError):
            call()
    assert asked == targets


@pytest.mark.usefixtures("no_probes_left")
def test_the_health_of_an_endpoint_with_a_version(server: Server, eventually: Any) -> None:
    for base, target in (("/v1", "/health"), ("/a/v1/embeddings", "/a/health"), ("/sync", "/sync/health")):
        server.reset()
        endpoint = Endpoint(server.url + base, "k", HttpClientWrapper(), health_check_interval_s=3600)
        eventually(lambda endpoint=endpoint: endpoint.health.last_check is not None)
        assert [request.target for request in server.requests()] == [target]
        assert endpoint.health.healthy
    server.reset()
    endpoint = Endpoint(f"{server.url}/v1", "k", HttpClientWrapper(), deployment_health_path="/health")
    eventually(lambda: endpoint.health.last_check is not None)
    assert server.requests()[0].target == "/v1/health"


@pytest.mark.parametrize("status", [404, 405])
def test_an_unknown_url_says_what_was_asked_and_what_to_try(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request(re.compile(".*")).respond_with_data('{"detail":"no"}', status)
    base = httpserver.url_for("/a/b")
    other = httpserver.url_for("").rstrip("/")
    client = PerformanceClient(base.replace("://", "://user:SECRET@") + "?key=SECRET", "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.embed(["a"], "m")
    assert str(caught.value).splitlines()[-1] == (
        f"  POST {base}/v1/embeddings: not retried: {status} is final; "
        f"if the URL is wrong: base_url is {base}, try {other}, or url_path="
    )
