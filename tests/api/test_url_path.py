"""Where requests go: base URL and path joined and normalised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient
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
