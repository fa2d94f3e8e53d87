"""request_url: joining, normalising, refusing."""

from __future__ import annotations

import pytest

from baseten_perf.http.urls import request_url, shown_text, shown_url


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
