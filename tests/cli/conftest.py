"""What the tests of the command line share: a server for each module, a folder for each test, programs to run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baseten_perf.testing import Server
from baseten_perf.testing.server import environment


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(record=True) as server:
        yield server


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Path:
    """An empty working directory; the server has seen no request."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASETEN_API_KEY", "secret-key")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.reset()
    return tmp_path


@pytest.fixture(scope="session")
def program() -> Callable[..., list[str]]:
    """The words that start `baseten-perf` with some arguments as a process of its own, in `environment()`."""
    return lambda *arguments: [sys.executable, "-m", "baseten_perf", *map(str, arguments)]


@pytest.fixture(scope="session")
def ended(program: Callable[..., list[str]]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run `baseten-perf` to its end."""

    def run(*arguments: object, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            program(*arguments), env=environment(), input=input, capture_output=True, timeout=60, check=False
        )

    return run
