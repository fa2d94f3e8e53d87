"""Malformed URLs and header injection: ValueError at once, nothing sent, nothing retried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "base_url",
    [
        "", " ", "/", "127.0.0.1:8000", "localhost", "example.com/path", "http:", "http://", "http:///", "https://", "ftp://127.0.0.1",
        "file:///etc/passwd", "ws://127.0.0.1", "http://127.0.0.1:port", "http://127.0.0.1:99999", "http://127.0.0.1:-1",
        "http://[::1", "http://[zz]", "http://a b", "http://a\0b", "http://<>", "http://user@", "unix:///tmp/socket",
        "http://127.0.0.1:8000 ", "javascript:alert(1)", "http://%00",
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.embed(["a"], "m"),
        lambda client: client.rerank("q", ["a"]),
        lambda client: client.classify(["a"]),
        lambda client: client.batch_post("/x", [1]),
    ],
    ids=["embed", "rerank", "classify", "batch_post"],
)
def test_malformed_base_urls(base_url: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="Invalid base_url"):
        call(PerformanceClient(base_url, "k"))


@pytest.mark.parametrize(
    "path", ["/a\r\nx-injected: 1", "/a b\r\n\r\nGET /stolen HTTP/1.1\r\n\r\n", "/a\0b", "/\x7f", "/a\nb"]
)
def test_paths_inject_nothing(client: PerformanceClient, server: Server, path: str) -> None:
    try:
        client.batch_post(path, [1])
    except ValueError:
        assert server.statistics().requests == 0
    else:
        (request,) = server.requests()
        assert request.header("x-injected") is None
        assert request.target.isprintable() and " " not in request.target


NAMES = ["", " ", "a b", "a:b", "a\r\nb", "a\0", "ü", "a\n", "(a)", "a:", " a", "a "]
VALUES = ["a\r\nx-injected: 1", "a\nb", "a\rb", "a\0b", "\x01", "\x7f", "\n", "\r\n x-folded: 1"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "headers", [{name: "1"} for name in NAMES] + [{"x-mine": value} for value in VALUES], ids=repr
)
def test_header_injection(client: PerformanceClient, server: Server, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        client.batch_post("/x", [1], custom_headers=headers)
    with pytest.raises(ValueError):
        client.embed(["a"], "m", preference=RequestProcessingPreference(extra_headers=headers))
    assert server.statistics().requests == 0


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_framing_headers_are_refused(client: PerformanceClient, server: Server, name: str) -> None:
    with pytest.raises(ValueError, match=name.lower()):
        client.batch_post("/x", [1], custom_headers={name: "5"})
    assert server.statistics().requests == 0


@pytest.mark.parametrize("model", ["m\r\nx-injected: 1", "m\0"])
def test_bodies_are_free_to_hold_anything(client: PerformanceClient, server: Server, model: str) -> None:
    assert client.embed(["a\r\n\0"], model).model == model
    assert server.requests()[0].header("x-injected") is None


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "http://", "http://a b:1", "nonsense://x", "http://a\nb"])
def test_malformed_proxies(proxy: str) -> None:
    with pytest.raises(ValueError, match="Invalid proxy URL"):
        HttpClientWrapper(proxy=proxy)


@pytest.mark.parametrize(
    ("version", "error"), [(-1, OverflowError), (256, OverflowError), ("1", TypeError), (1.0, TypeError)]
)
def test_http_versions(version: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        HttpClientWrapper(http_version=version)
    with pytest.raises(error):
        PerformanceClient("http://127.0.0.1:9", "k", version)
