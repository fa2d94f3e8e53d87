"""Which statuses are retried, how often, and not sooner than the schedule says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
RETRIED = [408, 409, 429, 500, 501, 502, 503, 504, 507, 520, 599]
FINAL = [400, 401, 403, 404, 405, 410, 413, 418, 422, 451, 499, 600, 999]


def post(base_url: str, preference: RequestProcessingPreference, payloads: Any = (1,)) -> Any:
    return PerformanceClient(base_url, "k").batch_post("/x", list(payloads), preference)


def failed(base_url: str, preference: RequestProcessingPreference, payloads: Any = (1,)) -> Any:
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        post(base_url, preference, payloads)
    return caught.value


@pytest.mark.parametrize("status", RETRIED)
def test_retried(server: Server, hasty: Hasty, status: int) -> None:
    assert post(server.faulty(status=status, times=1), hasty()).data == [1]
    assert server.statistics().requests == 2


@pytest.mark.parametrize("status", FINAL)
def test_final(server: Server, hasty: Hasty, status: int) -> None:
    error = failed(server.faulty(status=status), hasty())
    assert (error.args[0], error.attempts) == (status, 1)
    assert server.statistics().requests == 1


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_the_number_of_retries(server: Server, hasty: Hasty, max_retries: int) -> None:
    error = failed(server.faulty(status=500), hasty(max_retries=max_retries))
    assert (error.args[0], error.attempts) == (500, max_retries + 1)
    assert server.statistics().requests == max_retries + 1


def test_the_last_retry_may_succeed(server: Server, hasty: Hasty) -> None:
    assert post(server.faulty(status=500, times=2), hasty(max_retries=2)).data == [1]
    assert server.statistics().requests == 3


def test_the_retry_budget_plays_no_part(server: Server, hasty: Hasty) -> None:
    assert post(server.faulty(status=500, times=2), hasty(retry_budget_pct=0.0), range(50)).data == list(range(50))
    assert server.statistics().requests == 150


@pytest.mark.usefixtures("poller")
def test_the_schedule(server: Server) -> None:
    post(server.faulty(status=503, times=3), RequestProcessingPreference(initial_backoff_ms=60))
    times = [request.time for request in server.requests()]
    pauses = [after - before for before, after in pairwise(times)]
    assert len(pauses) == 3
    # 60 ms, four times as much, and again; never less.
    assert pauses[0] >= 0.055 and pauses[1] >= 0.235 and pauses[2] >= 0.955


def test_a_long_back_off_is_waited_for(server: Server) -> None:
    preference = RequestProcessingPreference(timeout_s=0.2, total_timeout_s=0.3, initial_backoff_ms=45000)
    with pytest.raises(requests.exceptions.Timeout):
        post(server.faulty(status=503), preference)
    assert server.statistics().requests == 1


def test_codes_that_the_caller_makes_final(server: Server, hasty: Hasty) -> None:
    preference = hasty(non_retryable_status_codes={429, 503})
    assert failed(server.faulty(status=503), preference).attempts == 1
    assert failed(server.faulty(status=429), preference).attempts == 1
    assert post(server.faulty(status=500, times=1), preference).data == [1]
    assert server.statistics().requests == 4


@pytest.mark.parametrize(
    "call",
    [
        lambda client, preference: client.embed(["a"], "m", preference=preference).data[0].index,
        lambda client, preference: client.rerank("q", ["a"], preference=preference).data[0].index,
        lambda client, preference: len(client.classify(["a"], preference=preference).data) - 1,
    ],
    ids=["embed", "rerank", "classify"],
)
def test_every_operation_retries(server: Server, hasty: Hasty, call: Any) -> None:
    assert call(PerformanceClient(server.faulty(status=502, times=2), "k"), hasty()) == 0
    assert server.statistics().requests == 3


def test_the_body_is_the_same_in_every_attempt(server: Server, hasty: Hasty) -> None:
    post(server.faulty(status=500, times=2), hasty(), [{"a": "b" * 100_000}])
    assert len({request.body for request in server.requests()}) == 1


def test_retries_use_the_connection_again(server: Server, hasty: Hasty) -> None:
    post(server.faulty(status=500, times=2), hasty())
    assert server.statistics().connections_opened == 1


def test_a_waiting_retry_holds_no_slot(server: Server) -> None:
    # The first of four payloads fails once; the others go before its second attempt, with a concurrency of one.
    client = PerformanceClient(server.faulty(status=503, first=1), "k")
    preference = RequestProcessingPreference(max_concurrent_requests=1, initial_backoff_ms=300)
    client.batch_post("/x", [0, 1, 2, 3], preference)
    assert [int(request.body) for request in server.requests()] == [0, 1, 2, 3, 0]


def test_retries_count_against_the_concurrency(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(status=503, times=1, latency=0.01), "k")
    client.batch_post("/x", list(range(60)), hasty(max_concurrent_requests=7))
    assert server.statistics().peak_concurrent_requests <= 7
    assert server.statistics().requests == 120


def test_the_time_of_a_request_includes_its_retries(server: Server) -> None:
    response = post(server.faulty(status=503, times=1), RequestProcessingPreference(initial_backoff_ms=120))
    assert response.individual_request_times[0] >= 0.115


def test_seed_keywords_retry_too(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, times=2), "k")
    assert client.batch_post("/x", [1], timeout_s=60).data == [1]
    assert server.statistics().requests == 3
