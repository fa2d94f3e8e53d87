"""Retry-After: seconds, a date, or milliseconds; waited for, but not beyond what the caller allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]

def pause(server: Server) -> float:
    first, second = (request.time for request in server.requests())
    return second - first


@pytest.mark.parametrize(
    ("faults", "least"),
    [
        ({"retry_after": 1}, 0.98),
        ({"retry_after_ms": 400}, 0.38),
        ({"retry_after_ms": 350, "retry_after": 30}, 0.33),
        ({"status": 503, "retry_after_ms": 300}, 0.28),
        ({"retry_after_date": 2}, 0.98),  # a date has whole seconds: up to one is lost
    ],
    ids=str,
)
def test_waited_for(server: Server, hasty: Hasty, faults: dict[str, Any], least: float) -> None:
    client = PerformanceClient(server.faulty(times=1, **{"status": 429, **faults}), "k")
    assert client.batch_post("/x", [1], hasty()).data == [1]
    assert pause(server) >= least


@pytest.mark.parametrize("faults", [{"retry_after": 0}, {"retry_after_date": -100}, {"retry_after_ms": -5}], ids=str)
def test_no_time_at_all(server: Server, hasty: Hasty, faults: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(status=429, times=1, **faults), "k")
    assert client.batch_post("/x", [1], hasty()).data == [1]


@pytest.mark.parametrize("faults", [{"retry_after": 30}, {"retry_after_ms": 30_000}, {"retry_after_date": 40}], ids=str)
@pytest.mark.timeout(20)
def test_beyond_the_deadline_the_error_comes_at_once(server: Server, faults: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(status=429, **faults), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", [1], RequestProcessingPreference(timeout_s=5, total_timeout_s=15))
    assert caught.value.args[0] == 429
    assert caught.value.attempts == 1  # type: ignore[attr-defined]
    assert server.statistics().requests == 1


@pytest.mark.timeout(20)
def test_an_absurd_time_is_not_waited_for(server: Server) -> None:
    for faults in ({"retry_after": 86400}, {"retry_after_ms": 900_000}):
        client = PerformanceClient(server.faulty(status=503, **faults), "k")
        with pytest.raises(requests.exceptions.HTTPError):
            client.batch_post("/x", [1], RequestProcessingPreference(timeout_s=5))
    assert server.statistics().requests == 2


@pytest.mark.usefixtures("poller")
def test_one_request_s_wait_does_not_hold_up_the_others(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after=1, first=1), "k")
    response = client.batch_post("/x", list(range(50)), RequestProcessingPreference(max_concurrent_requests=1))
    assert response.data == list(range(50))
    bodies = [int(request.body) for request in server.requests()]
    assert bodies[0] == bodies[-1] == 0
    assert bodies[1:-1] == list(range(1, 50))


def test_on_a_final_status_it_means_nothing(server: Server) -> None:
    before = time.monotonic()
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        PerformanceClient(server.faulty(status=404, retry_after=100), "k").batch_post("/x", [1])
    assert caught.value.response.headers["Retry-After"] == "100"
    assert time.monotonic() - before < 50
