"""Fixtures of the api tests: the peer as an oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.testing import RecordedRequest, Server

PEER_VERSION = "0.1.16"


@pytest.fixture(scope="session")
def peer() -> Any:
    """The module `baseten_performance_client`, whose behaviour is the reference."""
    module = pytest.importorskip("baseten_performance_client")
    if module.__version__ != PEER_VERSION:
        pytest.skip(f"baseten_performance_client is {module.__version__}, not {PEER_VERSION}")
    return module


@pytest.fixture
def recorded(server: Server) -> Callable[[Callable[[], Any]], list[RecordedRequest]]:
    """Make a call and return the requests that it sent, in the order of their batches."""

    def record(call: Callable[[], Any]) -> list[RecordedRequest]:
        server.reset()
        call()
        return sorted(server.requests(), key=batch)

    return record


def batch(request: RecordedRequest) -> tuple[int, ...]:
    """Number of the batch and of the retry, from the request id."""
    identifier = request.header("x-baseten-customer-request-id") or ""
    return tuple(int(number) for number in identifier.split("-")[2:])
