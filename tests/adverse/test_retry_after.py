"""Retry-After: seconds, a date, or milliseconds; waited for, but not beyond what the caller allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]

def pause(server: Server) -> float:
    first, second = [request.time for request in server.requests()][:2]
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
def test_all_requests_wait_with_the_one_that_was_refused(server: Server) -> None:
    """A quota is everybody's: sending the others meanwhile would only have them refused as well."""
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=600, first=1), "k")
    response = client.batch_post("/x", list(range(20)), RequestProcessingPreference(max_concurrent_requests=1))
    assert response.data == list(range(20))
    assert [int(request.body) for request in server.requests()] == [0, *range(20)]
    assert pause(server) >= 0.58


def test_another_client_of_the_same_quota_waits_too(server: Server) -> None:
    base_url = server.faulty(status=429, retry_after_ms=600, first=1)
    with pytest.raises(requests.exceptions.HTTPError):
        PerformanceClient(base_url, "k").batch_post("/x", ["one"], RequestProcessingPreference(max_retries=0))
    assert PerformanceClient(base_url, "k").batch_post("/x", ["other"]).data == ["other"]
    assert pause(server) >= 0.58


def test_another_key_has_a_quota_of_its_own(server: Server) -> None:
    base_url = server.faulty(status=429, retry_after=30, containing="refused")

    async def both() -> None:
        refused = PerformanceClient(base_url, "one key").async_batch_post("/x", ["refused"])
        while not server.statistics().requests:
            await asyncio.sleep(0.001)
        assert (await PerformanceClient(base_url, "another").async_batch_post("/x", ["free"])).data == ["free"]
        refused.cancel()

    asyncio.run(asyncio.wait_for(both(), 20))


def test_a_decimal_number_of_seconds(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after=0.5, times=1), "k")
    assert client.batch_post("/x", [1], hasty()).data == [1]
    assert pause(server) >= 0.48


def test_on_a_final_status_it_means_nothing(server: Server) -> None:
    before = time.monotonic()
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        PerformanceClient(server.faulty(status=404, retry_after=100), "k").batch_post("/x", [1])
    assert caught.value.response.headers["Retry-After"] == "100"
    assert time.monotonic() - before < 50
