"""request_url: joining, normalising, refusing."""

from __future__ import annotations

import pytest

from baseten_perf.http.urls import advice, health_url, request_url, shown_text, shown_url


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/foo", "/foo"),
        ("foo", "/foo"),
        ("", "/"),
        (" foo ", "/foo"),
        ("?a=1", "/?a=1"),
        ("//foo", "//foo"),
        ("/a/../b", "/b"),
        ("/a/./b/.", "/a/b/"),
        ("/..", "/"),
        ("/a/..", "/"),
        ("/%2e%2E/a", "/a"),
        ("/a//../b", "/a/b"),
        ("/a b/é", "/a%20b/%C3%A9"),
        ("/%41%zz", "/%41%zz"),
        ("/a\\b", "/a/b"),
        ("/x#frag", "/x"),
        ("/x?q=ü '\"<>#frag", "/x?q=%C3%BC%20%27%22%3C%3E"),
        ("/a?b?c=/../", "/a?b?c=/../"),
        ("/x{y}", "/x%7By%7D"),
        ("/\tx\n", "/x"),
        ("http://other/x", "/http://other/x"),
        ("/;a=b,c@:!$&'()*+=", "/;a=b,c@:!$&'()*+="),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert request_url("http://h:81", path) == "http://h:81" + expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://h/", "http://h/foo"),
        ("http://h///", "http://h/foo"),
        ("http://h/p/", "http://h/p/foo"),
        ("http://h/p/../r", "http://h/r/foo"),
        ("  http://h", "http://h/foo"),
        ("HTTPS://EXAMPLE.com:443", "https://example.com/foo"),
        ("http://h:80", "http://h/foo"),
        ("http://h:", "http://h/foo"),
        ("http://h:0080", "http://h/foo"),
        ("https://h:80", "https://h:80/foo"),
        ("http://h/x?k=v", "http://h/x/foo?k=v"),
        ("http://h/x#frag", "http://h/x/foo"),
        ("http://user:pw@h:81/", "http://h:81/foo"),
        ("http://us@er:p@h", "http://h/foo"),
        ("http://[::1]:8080", "http://[::1]:8080/foo"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]/foo"),
        ("http://bücher.example", "http://xn--bcher-kva.example/foo"),
        ("http://my_service-1:8080", "http://my_service-1:8080/foo"),
    ],
)
def test_bases(base: str, expected: str) -> None:
    assert request_url(base, "/foo") == expected


def test_queries_of_base_and_path_are_joined() -> None:
    assert request_url("http://h/x/?k=v", "/foo?a=1") == "http://h/x/foo?k=v&a=1"


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("/v1", "/v1/embeddings", "/v1/embeddings"),
        ("/v1/", "/v1/embeddings", "/v1/embeddings"),
        ("/a/v1", "/v1/embeddings", "/a/v1/embeddings"),
        ("/v1/embeddings", "/v1/embeddings", "/v1/embeddings"),
        ("/v1/embeddings/", "/v1/embeddings", "/v1/embeddings"),
        ("/rerank", "/rerank", "/rerank"),
        ("/v1/rerank", "/rerank", "/v1/rerank"),
        ("/v2/rerank", "/v1/rerank", "/v2/rerank"),
        ("/predict", "/predict", "/predict"),
        ("/v1/classify", "/predict", "/v1/classify"),
        ("/v1/systemone", "/v1/systemone", "/v1/systemone"),
        # The path of another API.
        ("/v1/embeddings", "/rerank", "/v1/rerank"),
        ("/v1/rerank", "/v1/embeddings", "/v1/embeddings"),
        ("/v1/embeddings", "/v1/chat/completions", "/v1/chat/completions"),
        # Another version.
        ("/api/v3", "/v1/embeddings", "/api/v3/embeddings"),
        ("/v1beta/openai", "/v1/embeddings", "/v1beta/openai/embeddings"),
        ("/v1beta/openai/embeddings", "/v1/embeddings", "/v1beta/openai/embeddings"),
        ("/api/v3", "/v1/x", "/api/v3/v1/x"),
        # Any path.
        ("/v1", "/v1/x", "/v1/x"),
        ("/v1", "v1/x", "/v1/x"),
        ("/v1", "/v1/x?a=1", "/v1/x?a=1"),
        ("/v1", "/x", "/v1/x"),
        # What the path of an API is appended to, as the server has it below.
        ("/v1", "/rerank", "/v1/rerank"),
        ("/environments/production/sync", "/v1/embeddings", "/environments/production/sync/v1/embeddings"),
        ("/environments/production/sync/v1", "/v1/embeddings", "/environments/production/sync/v1/embeddings"),
        ("/environments/production/predict", "", "/environments/production/predict/"),
        ("/environments/production/predict", "/", "/environments/production/predict/"),
        ("/sync", "/sync/x", "/sync/sync/x"),
        ("/a", "/a", "/a/a"),
        ("/openai", "/v1/embeddings", "/openai/v1/embeddings"),
        ("/embeddings", "/v1/embeddings", "/embeddings/v1/embeddings"),
        ("/v2ray", "/v1/embeddings", "/v2ray/v1/embeddings"),
        ("/v1x", "/v1/embeddings", "/v1x/v1/embeddings"),
        ("/xrerank", "/rerank", "/xrerank/rerank"),
        ("/v1", "//v1/x", "/v1//v1/x"),
    ],
)
def test_nothing_is_doubled(base: str, path: str, expected: str) -> None:
    for host in ("http://h", "http://rerank:80", "https://v1"):
        assert request_url(host + base, path) == host.removesuffix(":80") + expected


def test_a_query_stays_where_nothing_is_doubled() -> None:
    assert request_url("http://h/v1?key=1", "/v1/x?b=2") == "http://h/v1/x?key=1&b=2"
    assert request_url("http://h/v1/rerank?key=1", "/rerank") == "http://h/v1/rerank?key=1"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://h", "http://h/health"),
        ("http://rerank", "http://rerank/health"),
        ("http://h/v1/", "http://h/health"),
        ("http://h/v1beta/openai", "http://h/health"),
        ("http://h/a/v1/embeddings?k=v", "http://h/a/health?k=v"),
        ("http://h/environments/production/sync", "http://h/environments/production/sync/health"),
        ("http://h/rerank", "http://h/rerank/health"),
    ],
)
def test_health_is_beside_the_apis(base: str, expected: str) -> None:
    assert health_url(base, "/health") == expected


@pytest.mark.parametrize(
    ("base", "other"),
    [
        ("http://h/a/b", "http://h"),
        ("http://h:81", "one with a path"),
        ("https://model-x.api.baseten.co", "https://model-x.api.baseten.co/environments/production/sync"),
        ("https://model-x.api.baseten.co/environments/production/sync", "https://model-x.api.baseten.co"),
    ],
)
def test_advice(base: str, other: str) -> None:
    assert advice(base) == f"if the URL is wrong: base_url is {base}, try {other}, or url_path="


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("", "relative URL without a base"),
        ("/v1", "relative URL without a base"),
        ("localhost:8080", "scheme must be http or https"),
        ("ftp://h", "scheme must be http or https"),
        ("file:///x", "scheme must be http or https"),
        ("http://", "empty host"),
        ("http://user:SECRET@", "empty host"),
        ("http://h:80 ", "invalid port number"),
        ("http://h:x", "invalid port number"),
        ("http://h:65536", "invalid port number"),
        ("http://h:-1", "invalid port number"),
        ("http://h:٣", "invalid port number"),
        ("http://a b", "invalid domain character"),
        ("http://a\x00b", "invalid domain character"),
        ("http://a%2fb", "invalid domain character"),
        ("http://[::1", "invalid IPv6 address"),
        ("http://[x]", "invalid IPv6 address"),
        ("http://[::1]x", "invalid IPv6 address"),
        ("http://é.." + "x" * 70, "invalid international domain name"),
    ],
)
def test_malformed_bases(base: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid base_url: .*{reason}") as caught:
        request_url(base, "/foo")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:81/p", "http://h:81/p"),
        ("http://h:81/p/?api-key=SECRET", "http://h:81/p/"),
        ("http://h?k=SECRET@x/", "http://h"),
        ("http://h/p#SECRET", "http://h/p"),
        ("http://user:SECRET@h:81/p", "http://h:81/p"),
        ("http://SECRET@h", "http://h"),
        ("http://us@er:SECRET@h", "http://h"),
        ("user:SECRET@h/p", "h/p"),
        ("//user:SECRET@h", "//h"),
        ("http:user:SECRET@h", "http:h"),
        ("\t ht\ntp://user:SECRET@h ", "http://h"),
        ("ftp://user:SECRET@h", "ftp://h"),
        ("http://user:SECRET/SECRET@h", "http://..."),
        ("http://user:SECRET?SECRET@h", "http://..."),
        ("http://user:SECRET#SECRET@h", "http://..."),
        ("http://user:SECRET\\SECRET@h", "http://..."),
        ("http://h/models/@cf/bge?k=SECRET", "http://h/models/@cf/bge"),
        ("http://[::1]:80/@cf?k=SECRET", "http://[::1]:80/@cf"),
        ("localhost:80/p", "localhost:80/p"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url(url: str, expected: str) -> None:
    assert shown_url(url) == expected


def test_what_is_shown_of_a_text() -> None:
    text = "Unsupported proxy syntax in 'http://user:SECRET@ho{st:3128': Bad hostname"
    assert shown_text(text) == "Unsupported proxy syntax in 'http://ho{st:3128': Bad hostname"
    assert shown_text("Could not connect") == "Could not connect"
