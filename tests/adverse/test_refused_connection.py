"""No connection at all: refused ports, unknown hosts, and what such failures leave behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import requests

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = [pytest.mark.usefixtures("poller"), pytest.mark.timeout(60)]


@pytest.fixture
def refused() -> str:
    """Base URL of a port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_refused(refused: str, hasty: Hasty) -> None:
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(refused, "k").batch_post("/x", [1, 2, 3], hasty())
    error = caught.value
    assert isinstance(error, requests.exceptions.ConnectionError) and isinstance(error, ValueError)
    assert error.attempts == 3  # type: ignore[attr-defined]
    assert refused in str(error)
    assert error.partial == [None] * 3  # type: ignore[attr-defined]


def test_max_retries_bounds_it(refused: str, hasty: Hasty) -> None:
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(refused, "k").batch_post("/x", [1], hasty(max_retries=1))
    assert caught.value.attempts == 2  # type: ignore[attr-defined]


def test_an_unknown_host(hasty: Hasty) -> None:
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient("http://no-such-host.invalid", "k").embed(["a"], "m", preference=hasty(timeout_s=30))
    assert "no-such-host.invalid" in str(caught.value)
    assert caught.value.endpoint == "http://no-such-host.invalid"  # type: ignore[attr-defined]


def test_async(refused: str, hasty: Hasty) -> None:
    async def main() -> list[object]:
        client = PerformanceClient(refused, "k")
        calls = [client.async_batch_post("/x", [1], hasty(max_retries=0)) for _ in range(20)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [type(error) for error in asyncio.run(main())] == [APIConnectionError] * 20


def test_many_requests_fail_once(refused: str, hasty: Hasty) -> None:
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(refused, "k").batch_post("/x", list(range(2000)), hasty(max_retries=0))
    assert caught.value.partial == [None] * 2000  # type: ignore[attr-defined]
