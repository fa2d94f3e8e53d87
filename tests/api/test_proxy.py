"""Proxies: plain, CONNECT and SOCKS5 (pproxy), credentials, environment variables and NO_PROXY."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from baseten_perf import APIConnectionError, HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

pytest.importorskip("pproxy")

# pproxy counts on an event loop that Python and uvloop no longer make for it.
PROXY = """
import asyncio, sys
sys.modules["uvloop"] = None
asyncio.set_event_loop(asyncio.new_event_loop())
from pproxy.server import main
main()
"""


@contextlib.contextmanager
def started() -> Iterator[str]:
    """HOST:PORT of a proxy that speaks HTTP, CONNECT and SOCKS5 and wants user:pass."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", PROXY, "-l", f"http+socks5://127.0.0.1:{port}#user:pass"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the proxy has ended"
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
        process.kill()


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    with started() as address:
        yield address


@pytest.fixture
def fresh_proxy() -> Iterator[str]:
    """One that nobody has shown right credentials yet: it would not ask the same address for them again."""
    with started() as address:
        yield address


@pytest.fixture(scope="module")
def secure(server_certificate: Path, trusted: Path) -> Iterator[tuple[Server, str]]:
    with Server(tls=(server_certificate, server_certificate), record=True) as server:
        yield server, str(trusted)


def answer(client: PerformanceClient) -> object:
    return client.batch_post("/x", [{"a": 1}], RequestProcessingPreference(timeout_s=10, max_retries=0)).data[0]


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_through_a_proxy(server: Server, proxy: str, scheme: str) -> None:
    assert answer(PerformanceClient(server.url, "key", proxy=f"{scheme}://user:pass@{proxy}")) == {"a": 1}


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_https_through_a_proxy(secure: tuple[Server, str], proxy: str, scheme: str) -> None:
    server, trusted = secure
    client = PerformanceClient(server.url, "key", proxy=f"{scheme}://user:pass@{proxy}", verify=trusted)
    assert answer(client) == {"a": 1}
    # The proxy's credentials are for the proxy, not for the server behind it.
    assert all(request.header("proxy-authorization") is None for request in server.requests())


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_wrong_credentials(server: Server, fresh_proxy: str, scheme: str) -> None:
    client = PerformanceClient(server.url, "key", proxy=f"{scheme}://user:secret-word@{fresh_proxy}")
    before = server.statistics().requests
    with pytest.raises(Exception) as caught:
        answer(client)
    assert "secret-word" not in str(caught.value)
    assert server.statistics().requests == before


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_from_the_environment(
    server: Server, fresh_proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://user:pass@{fresh_proxy}")
    client = PerformanceClient("http://no-such-host.invalid", "key")
    # The proxy is asked for a host that nobody knows: it answers, or breaks off; but it was asked.
    with pytest.raises(Exception) as caught:
        answer(client)
    assert "resolve" not in str(caught.value)
    assert answer(PerformanceClient(server.url, "key")) == {"a": 1}


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "localhost,127.0.0.1"])
def test_no_proxy(server: Server, exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", exempt)
    assert answer(PerformanceClient(server.url, "key")) == {"a": 1}


@pytest.mark.parametrize(
    ("host", "exempt", "direct"),
    [
        ("a.localhost", "localhost", True),
        ("a.localhost", ".localhost", True),
        ("localhost", "LocalHost", True),
        ("localhost", " x , localhost ", True),
        ("a.localhost", "b.localhost", False),
        ("alocalhost.localhost", "ocalhost", False),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("127.0.0.1", "10.0.0.0/8", False),
        ("127.0.0.1", "127.0.0.", False),
        ("localhost", "localhost:PORT", True),
        ("a.localhost", "x, .LocalHost:PORT", True),
        ("127.0.0.1", "127.0.0.1:PORT", True),
        ("localhost", "localhost:1", False),
        ("alocalhost", "localhost:PORT", False),
        ("[::1]", "[::1]", True),
        ("[::1]", "x [::1],y", True),
        ("[::1]", "::1", True),
        ("[::1]", "[::1]:PORT", True),
        ("[::1]", "[::1]:1", False),
        ("[::1]", "[::2]", False),
        ("[::1]", "::/0", True),
        ("[::1]", "[::]/0", True),
        ("[ffff::1]", "::/0", True),
        ("127.0.0.1", "::/0", False),
        ("[::1]", "::/64", True),
        ("[::1]", "fe80::/10", False),
        ("127.0.0.1", "0.0.0.0/0", True),
        ("[::1]", "0.0.0.0/0", False),
        ("a.localhost", "*.localhost", True),
        ("localhost", "*.localhost", True),
        ("alocalhost", "*.localhost", False),
        ("a.localhost", "*.localhost:PORT", True),
        ("127.0.0.1", "x, *", True),
    ],
)
def test_entries_of_no_proxy(
    server: Server, host: str, exempt: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", exempt.replace("PORT", str(server.port)))
    client = PerformanceClient(f"http://{host}:{server.port}", "key")
    if direct and host.startswith("["):
        # Nobody listens there; but it was not the proxy that was asked.
        with pytest.raises(APIConnectionError) as refused:
            answer(client)
        assert "proxy" not in str(refused.value)
    elif direct:
        assert answer(client) == {"a": 1}
    else:
        with pytest.raises(APIConnectionError, match="over proxy"):
            answer(client)


def test_no_proxy_does_not_touch_an_explicit_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    client = PerformanceClient(server.url, "key", proxy="http://127.0.0.1:9")
    with pytest.raises(ValueError):
        answer(client)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1:1", "socks6://127.0.0.1:1", "http://", "http://u:secret@", "http://h:x"]
)
def test_a_proxy_that_cannot_be(url: str) -> None:
    for build in (lambda: PerformanceClient("http://h", "key", proxy=url), lambda: HttpClientWrapper(proxy=url)):
        with pytest.raises(ValueError, match="Invalid proxy URL") as caught:
            build()
        assert "secret" not in str(caught.value)


def test_the_environment_is_read_when_the_pool_is_made(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = PerformanceClient(server.url, "key")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert answer(client) == {"a": 1}
