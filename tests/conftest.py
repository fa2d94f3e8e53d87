"""Fixtures that the api and adverse tests share.

The portable event loop (`BASETEN_PERF_POLLER=poll`, what macOS uses): tests that ask for the `poller` fixture run under
both loops, and `BASETEN_PERF_POLLER=poll pytest` runs all tests under it, once.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

import baseten_perf
from baseten_perf import PerformanceClient
from baseten_perf.paces import forget_paces
from baseten_perf.shared_engines import forget_engines
from baseten_perf.testing import Server

API_KEY = "sk-test-7f3a9c"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two a core: about half of the time a test waits, for a server or for a program."""
    return 2 * (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that tests start find the package under test, not what lies in the folder where pytest was started.

    Python looks for the modules of `-c` and `-m` in the working directory first, and that may be a checkout that is not
    compiled. PYTHONSAFEPATH would stop it only from 3.11 on.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "PYTHONPATH" in os.environ:
            folders = os.environ["PYTHONPATH"].split(os.pathsep)
            patch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, folders)))
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Ctrl-C works in the tests that send it, also when a shell started pytest in the background and so without it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor keys nor certificates of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("BASETEN_API_KEY", "OPENAI_API_KEY", "SSL_CERT_FILE", "SSL_CERT_DIR", *BUNDLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_memory() -> None:
    """A test's refusals and connections are its own.

    What the process has learned of a quota is forgotten, and clients do not share what another test has left, perhaps
    in an exception that nobody has collected yet.
    """
    forget_paces()
    forget_engines()


@pytest.fixture
def no_probes_left() -> Iterator[None]:
    """Endpoints that a caught exception still refers to are collected, or they would probe the next test's server."""
    yield
    gc.collect()


POLLERS = ["portable"] if os.environ.get("BASETEN_PERF_POLLER") == "poll" else ["native", "portable"]


@pytest.fixture(params=POLLERS)
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test under the platform's event loop and under the portable one; read when a client is built."""
    if request.param == "portable":
        monkeypatch.setenv("BASETEN_PERF_POLLER", "poll")
    return str(request.param)


@pytest.fixture
def mypy(tmp_path: Path) -> Callable[[dict[str, str]], subprocess.CompletedProcess[str]]:
    """Run `mypy --strict` on programs, given as names and texts, that import the package under test."""
    pytest.importorskip("mypy", reason="mypy comes with the dev extra")
    # What is installed it finds itself, and it refuses a MYPYPATH that leads to site-packages.
    package = Path(baseten_perf.__file__).resolve().parents[1]
    installed = package in {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}

    def run(programs: dict[str, str]) -> subprocess.CompletedProcess[str]:
        for name, text in programs.items():
            (tmp_path / name).write_text(text)
        return subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.12", "--config-file", os.devnull,
             "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent", *programs],
            cwd=tmp_path, env={**os.environ, **({} if installed else {"MYPYPATH": str(package)})},
            capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Wait until a condition holds: `eventually(lambda: server.statistics().requests_aborted == 3)`."""

    def wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Server]]:
    """Two servers that keep every request."""
    started = [Server(record=True), Server(record=True)]
    yield started
    for server in started:
        server.close()


@pytest.fixture
def server(servers: list[Server], eventually: Callable[..., None]) -> Iterator[Server]:
    """A server whose counts, faults and recorded requests are the test's own."""
    yield from lent(servers, 0, eventually)


@pytest.fixture
def other_server(servers: list[Server], eventually: Callable[..., None]) -> Iterator[Server]:
    """A second server, on another port."""
    yield from lent(servers, 1, eventually)


def lent(servers: list[Server], number: int, eventually: Callable[..., None]) -> Iterator[Server]:
    """Lend a server to a test, which must have ended or aborted all its requests in the end."""
    server = servers[number]
    server.reset()
    yield server
    try:
        eventually(lambda: server.statistics().requests_active == 0)
    except AssertionError:
        # One test's fault shall not be the others'.
        server.close()
        servers[number] = Server(record=True)
        raise


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Issues certificates that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File with the authority's certificate."""
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def server_certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File with key and certificate of 127.0.0.1."""
    path = tmp_path_factory.mktemp("server") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def api_key() -> str:
    """The key that the `client` fixture is built with."""
    return API_KEY


@pytest.fixture
def client(server: Server) -> PerformanceClient:
    """A client of the server, with a connection pool of its own."""
    return PerformanceClient(server.url, API_KEY)
