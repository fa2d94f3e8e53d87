"""Retries after time-outs and network errors, and the budget that bounds them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import requests

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server

Hasty = Callable[..., RequestProcessingPreference]

@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(
    "faults", [{"reset": True}, {"close": True}, {"truncate": True}, {"reset_body": True}], ids=str
)
def test_one_network_failure_is_repaired(server: Server, hasty: Hasty, faults: dict[str, bool]) -> None:
    client = PerformanceClient(server.faulty(times=1, **faults), "k")
    payload = {"text": "x" * 2000}
    assert client.batch_post("/x", [payload], hasty()).data == [payload]
    assert server.statistics().requests == 2


def test_one_timeout_is_repaired(server: Server, hasty: Hasty, eventually: Callable[..., None]) -> None:
    client = PerformanceClient(server.faulty(Faults(stall=True, times=1), Faults(stall_body=True, times=1)), "k")
    assert client.batch_post("/x", ["abc"], hasty(timeout_s=0.5)).data == ["abc"]
    assert server.statistics().requests == 3
    eventually(lambda: server.statistics().requests_aborted == 2)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("count", "share"), [(1, 0.0), (1, 0.05), (4, 0.5)])
def test_time_outs_spend_the_budget(server: Server, hasty: Hasty, count: int, share: float) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="slow"), "k")
    preference = hasty(timeout_s=0.3, retry_budget_pct=share, max_concurrent_requests=1)
    with pytest.raises(requests.exceptions.Timeout) as caught:
        client.batch_post("/x", ["slow", *range(count - 1)], preference)
    # At least two, and no more than max_retries of one request.
    retries = min(5, max(2, 1 + math.ceil(count * share)))
    assert caught.value.attempts == 1 + retries  # type: ignore[attr-defined]
    assert server.statistics().requests == count + retries


def test_the_first_network_failure_of_a_request_is_free(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(reset=True, times=1), "k")
    assert client.batch_post("/x", list(range(40)), hasty(retry_budget_pct=0.0)).data == list(range(40))
    assert server.statistics().requests == 80


def test_later_ones_spend_the_budget(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(reset=True), "k")
    with pytest.raises(APIConnectionError) as caught:
        client.batch_post("/x", [1], hasty(retry_budget_pct=0.0))
    assert caught.value.attempts == 4  # type: ignore[attr-defined]
    assert server.statistics().requests == 4


def test_none_at_all(server: Server, hasty: Hasty) -> None:
    for faults in ({"reset": True}, {"stall": True}, {"truncate": True}, {"garbage": True}):
        server.reset()
        client = PerformanceClient(server.faulty(**faults), "k")
        with pytest.raises((APIConnectionError, requests.exceptions.Timeout)) as caught:
            client.batch_post("/x", ["abc"], hasty(max_retries=0, timeout_s=0.3))
        assert caught.value.attempts == 1  # type: ignore[union-attr]
        assert server.statistics().requests == 1


def test_the_budget_is_the_operation_s(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(stall=True, times=1, containing="slow"), "k")
    for _ in range(3):
        assert client.batch_post("/x", ["slow"], hasty(timeout_s=0.4)).data == ["slow"]
        server.reset()
