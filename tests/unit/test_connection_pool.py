"""HttpClientWrapper: its arguments and what is refused, before any connection."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import HttpClientWrapper, PerformanceClient


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "some.pem"
    path.write_text("")
    return path


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"verify": None}, TypeError, "verify must be a bool, not NoneType"),
        ({"verify": 1}, TypeError, "verify must be a bool, not int"),
        ({"verify": b"/x"}, TypeError, "verify must be a bool, not bytes"),
        ({"verify": ""}, ValueError, "verify must be a path that is not empty and holds no NUL"),
        ({"verify": "/no/such"}, ValueError, "verify: no such file or directory: '/no/such'"),
        ({"verify": Path("/no/such")}, ValueError, "verify: no such file or directory: '/no/such'"),
        ({"cert": 1}, TypeError, "cert must be a str or an os.PathLike, not int"),
        ({"cert": ["a", "b"]}, TypeError, "cert must be a str or an os.PathLike, not list"),
        ({"cert": "/no/such"}, ValueError, "cert: no such file: '/no/such'"),
        ({"cert": "/"}, ValueError, "cert: no such file: '/'"),
        ({"cert": ()}, ValueError, "cert: a tuple holds the certificate, its key and maybe a password, not 0 items"),
        ({"cert": ("a",)}, ValueError, "cert: a tuple holds the certificate, its key and maybe a password, not 1"),
        ({"cert": (None, "b")}, TypeError, "cert must be a str or an os.PathLike, not NoneType"),
        ({"cert": (__file__, "/no/such")}, ValueError, "cert: no such file: '/no/such'"),
        ({"cert": (__file__, __file__, "pass\0word")}, ValueError, "cert: the password of the key contains a NUL"),
        ({"cert": (__file__, __file__, 5)}, TypeError, "cert must be a str, not int"),
        ({"uds": 1}, TypeError, "uds must be a str or an os.PathLike, not int"),
        ({"uds": ""}, ValueError, "uds must be a path that is not empty and holds no NUL"),
        ({"uds": "/a\0b"}, ValueError, "uds must be a path that is not empty and holds no NUL"),
        ({"uds": "/" + "é" * 54}, ValueError, "uds: the path of a socket has at most 10"),
        ({"uds": "/a", "proxy": "http://127.0.0.1:9"}, ValueError, "uds and proxy cannot be combined"),
        ({"connect_timeout_s": "1"}, TypeError, "connect_timeout_s must be a number, not str"),
        ({"connect_timeout_s": None}, TypeError, "connect_timeout_s must be a number, not NoneType"),
        (
            {"connect_timeout_s": 0.09},
            ValueError,
            "Connect timeout 0.090s is outside the allowed range [0.100s, 3600.000s].",
        ),
        (
            {"connect_timeout_s": 3601},
            ValueError,
            "Connect timeout 3601.000s is outside the allowed range [0.100s, 3600.000s].",
        ),
        (
            {"connect_timeout_s": math.nan},
            ValueError,
            "Connect timeout NaNs is outside the allowed range [0.100s, 3600.000s].",
        ),
        ({"http_version": 256}, OverflowError, "http_version must be less than 2**8"),
        ({"http_version": -1}, OverflowError, "http_version must not be negative"),
        ({"proxy": "gopher://h"}, ValueError, "Invalid proxy URL: proxy must start with"),
    ],
)
def test_refused(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    for make in (HttpClientWrapper, lambda **given: PerformanceClient("http://h", "k", **given)):
        with pytest.raises(error) as caught:
            make(**keywords)
        assert str(caught.value).startswith(message)


def test_accepted(pem: Path) -> None:
    for keywords in (
        {"verify": False},
        {"verify": str(pem)},
        {"verify": pem},
        {"verify": pem.parent},
        {"cert": pem},
        {"cert": str(pem)},
        {"cert": (pem, str(pem))},
        {"cert": (pem, pem, "password")},
        {"cert": (pem, pem, None)},
        {"uds": "/not/there/yet"},
        {"uds": pem},
        {"connect_timeout_s": 0.1},
        {"connect_timeout_s": 3600},
        {"http_version": 2},
        {"http_version": 77},
    ):
        given: dict[str, Any] = keywords
        wrapper = HttpClientWrapper(**given)
        assert wrapper.connect_timeout_s == given.get("connect_timeout_s", 60.0)
        PerformanceClient("https://h", "k", **given)


def test_settings_belong_to_the_wrapper_that_is_given(pem: Path) -> None:
    wrapper = HttpClientWrapper()
    for keywords in ({"verify": False}, {"verify": pem}, {"cert": pem}, {"uds": "/a"}, {"connect_timeout_s": 5.0}):
        given: dict[str, Any] = keywords
        with pytest.raises(ValueError, match="belong to the client_wrapper"):
            PerformanceClient("http://h", "k", client_wrapper=wrapper, **given)
    # As with the peer, these two are for the wrapper to decide, and ignored here.
    client = PerformanceClient("http://h", "k", 2, wrapper, "http://127.0.0.1:9")
    assert client.get_client_wrapper() is wrapper
    with pytest.raises(TypeError, match="client_wrapper must be an instance of HttpClientWrapper, not str"):
        PerformanceClient("http://h", "k", client_wrapper="x")  # type: ignore[arg-type]


def test_new_parameters_are_keywords_only() -> None:
    with pytest.raises(TypeError):
        HttpClientWrapper(1, None, False)  # type: ignore[misc]


def test_repr() -> None:
    assert repr(HttpClientWrapper(2, "http://user:secret@127.0.0.1:9")) == "HttpClientWrapper(http_version=2)"


@pytest.mark.parametrize("wanted", ["0", "17", "-1", "two", "1.5", "²"])
def test_a_wrong_number_of_loops_is_refused(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASETEN_PERF_LOOPS", wanted)
    with pytest.raises(ValueError, match="BASETEN_PERF_LOOPS must be a number from 1 to 16"):
        HttpClientWrapper()


@pytest.mark.parametrize("wanted", ["", "1", "16"])
def test_the_number_of_loops(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASETEN_PERF_LOOPS", wanted)
    HttpClientWrapper()
