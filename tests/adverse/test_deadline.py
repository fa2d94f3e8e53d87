"""total_timeout_s: one instant for the whole operation, queueing and back-off included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = pytest.mark.timeout(30)

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "embed": lambda client, preference: client.embed(["a"] * 20, "m", preference=preference),
    "rerank": lambda client, preference: client.rerank("q", ["a"] * 20, preference=preference),
    "classify": lambda client, preference: client.classify(["a"] * 20, preference=preference),
    "batch_post": lambda client, preference: client.batch_post("/x", [1, 2, 3], preference),
}


def check(error: requests.exceptions.Timeout, seconds: str = "0.40s") -> None:
    message = f"Local timeout: Total operation timed out after {seconds}"
    assert error.args == (408, message)
    assert error.filename == "local"
    assert str(error).startswith(f"[Errno 408] {message}: 'local'\n  POST http://127.0.0.1:")


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_operation(server: Server, hasty: Hasty, eventually: Any, call: Callable[[Any, Any], Any]) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        call(client, hasty(timeout_s=0.4, total_timeout_s=0.4))
    assert caught.value.filename in ("local", "remote")
    eventually(lambda: server.statistics().requests_active == 0)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_in_back_off(server: Server, call: Callable[[Any, Any], Any]) -> None:
    client = PerformanceClient(server.faulty(status=503), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        call(client, RequestProcessingPreference(timeout_s=0.3, total_timeout_s=0.4, initial_backoff_ms=20000))
    check(caught.value)


@pytest.mark.usefixtures("poller")
def test_in_the_queue(server: Server, hasty: Hasty, eventually: Any) -> None:
    client = PerformanceClient(server.faulty(latency=0.1), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        client.batch_post("/x", list(range(1000)), hasty(timeout_s=1, total_timeout_s=1, max_concurrent_requests=2))
    check(caught.value, "1.00s")
    eventually(lambda: server.statistics().requests_active == 0)
    sent = server.statistics().requests
    assert sent <= 22
    partial = caught.value.partial  # type: ignore[attr-defined]
    assert len(partial) == 1000
    assert all(answer in (None, number) for number, answer in enumerate(partial))
    assert 0 < sum(answer is not None for answer in partial) <= sent


def test_in_retries_of_time_outs(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        client.batch_post("/x", [1], hasty(timeout_s=0.15, total_timeout_s=0.4, retry_budget_pct=3.0))
    check(caught.value)


def test_async(server: Server, hasty: Hasty) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(latency=0.1), "k")
        preference = hasty(timeout_s=0.3, total_timeout_s=0.4, max_concurrent_requests=1)
        await client.async_batch_post("/x", list(range(1000)), preference)

    with pytest.raises(requests.exceptions.Timeout) as caught:
        asyncio.run(main())
    check(caught.value)


def test_a_call_within_its_deadline(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(latency=0.02), "k")
    assert client.batch_post("/x", list(range(20)), hasty(timeout_s=5, total_timeout_s=20)).data == list(range(20))


def test_the_client_goes_on(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="slow"), "k")
    for _ in range(3):
        with pytest.raises(requests.exceptions.Timeout):
            client.batch_post("/x", ["slow"], hasty(timeout_s=0.2, total_timeout_s=0.2))
        assert client.batch_post("/x", [1], hasty()).data == [1]


def test_old_keywords(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.1), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        client.batch_post("/x", list(range(100)), 1, 0.3, None, 0.4)
    check(caught.value)
