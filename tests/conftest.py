"""Fixtures that the api and adverse tests share.

The portable event loop (`BASETEN_PERF_POLLER=poll`, what macOS uses) is tested twice: modules that ask for the `poller`
fixture run under both loops in every run, and `BASETEN_PERF_POLLER=poll pytest tests/api tests/adverse` runs all of
them under it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

API_KEY = "sk-test-7f3a9c"


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor keys nor certificates of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("BASETEN_API_KEY", "OPENAI_API_KEY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["native", "portable"])
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test under the platform's event loop and under the portable one; read when a client is built."""
    if request.param == "portable":
        monkeypatch.setenv("BASETEN_PERF_POLLER", "poll")
    return str(request.param)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Wait until a condition holds: `eventually(lambda: server.statistics().requests_aborted == 3)`."""

    def wait(condition: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Server]]:
    """Two servers that keep every request."""
    with Server(record=True) as one, Server(record=True) as other:
        yield [one, other]


@pytest.fixture
def server(servers: list[Server], eventually: Callable[..., None]) -> Server:
    """A server whose counts, faults and recorded requests are the test's own."""
    # What an earlier test aborted may still be on its way to the server.
    eventually(lambda: servers[0].statistics().requests_active == 0)
    servers[0].reset()
    return servers[0]


@pytest.fixture
def other_server(servers: list[Server], eventually: Callable[..., None]) -> Server:
    """A second server, on another port."""
    eventually(lambda: servers[1].statistics().requests_active == 0)
    servers[1].reset()
    return servers[1]


@pytest.fixture(scope="session")
def api_key() -> str:
    """The key that the `client` fixture is built with."""
    return API_KEY


@pytest.fixture
def client(server: Server) -> PerformanceClient:
    """A client of the server, with a connection pool of its own."""
    return PerformanceClient(server.url, API_KEY)
