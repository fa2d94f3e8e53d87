"""Hedging: a copy of a slow request, within its budget; the first success wins and the other is aborted."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy
import pytest
import requests

from baseten_perf import Endpoint, EndpointPool, HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings


def hedged(**options: object) -> RequestProcessingPreference:
    fields: dict[str, object] = {"hedge_delay": 0.1, "timeout_s": 20.0, "initial_backoff_ms": 50, **options}
    return RequestProcessingPreference(**fields)  # type: ignore[arg-type]


def ids(server: Server) -> list[str]:
    found = [str(one.header("x-baseten-customer-request-id")) for one in server.requests() if one.method == "POST"]
    return [re.sub(r"^perfclient-[0-9a-f]{10}-", "", one) for one in found]


def test_a_stalled_request_is_answered_by_its_copy(server: Server, eventually: Callable[..., None]) -> None:
    client = PerformanceClient(server.faulty(stall=True, times=1), "key")
    response = client.batch_post("/x", [{"a": 1}], hedged())
    assert response.data == [{"a": 1}]
    assert ids(server) == ["0-0", "0-hedge-1"]
    eventually(lambda: server.statistics().requests_aborted == 1)


def test_no_copy_without_need(server: Server) -> None:
    client = PerformanceClient(server.url, "key")
    assert len(client.batch_post("/x", list(range(50)), hedged(hedge_delay=5.0)).data) == 50
    assert client.batch_post("/x", [1], hedged(hedge_budget_pct=0.0)).data == [1]
    assert server.statistics().requests == 51


def test_no_copy_once_headers_have_come(server: Server) -> None:
    client = PerformanceClient(server.faulty(body_latency=0.5, times=1), "key")
    assert client.batch_post("/x", [1], hedged()).data == [1]
    assert ids(server) == ["0-0"]


def test_a_failing_copy_does_not_kill_the_original(server: Server) -> None:
    for failure in (Faults(status=500, times=1), Faults(reset=True, times=1), Faults(status=404, times=1)):
        server.reset()
        # New connections: if one was used before, libcurl takes a reset for its age and sends the request again.
        pool = HttpClientWrapper()
        client = PerformanceClient(server.faulty(Faults(latency=0.6, times=1), failure), "key", client_wrapper=pool)
        assert client.batch_post("/x", [1], hedged()).data == [1]
        assert ids(server) == ["0-0", "0-hedge-1"]
        assert server.statistics().requests_aborted == 0


def test_a_failing_original_does_not_kill_its_copy(server: Server) -> None:
    base = server.faulty(Faults(latency=0.3, status=404, times=1), Faults(latency=0.6, times=1))
    assert PerformanceClient(base, "key").batch_post("/x", [1], hedged()).data == [1]
    assert ids(server) == ["0-0", "0-hedge-1"]


def test_when_both_fail_the_request_is_retried(server: Server) -> None:
    base = server.faulty(Faults(latency=0.3, status=503, times=1), Faults(latency=0.3, status=503, times=1))
    assert PerformanceClient(base, "key").batch_post("/x", [1], hedged()).data == [1]
    assert ids(server) == ["0-0", "0-hedge-1", "0-1"]


def test_when_both_fail_for_good_the_error_tells(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.3, status=404), "key")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", [1], hedged())
    assert caught.value.args[0] == 404
    assert vars(caught.value)["attempts"] == 2


@pytest.mark.parametrize(("requests_made", "share", "copies"), [(1, 0.1, 1), (20, 0.1, 3), (40, 0.1, 5), (10, 0.5, 6)])
def test_budget(server: Server, requests_made: int, share: float, copies: int) -> None:
    client = PerformanceClient(server.faulty(latency=0.6), "key")
    client.batch_post("/x", list(range(requests_made)), hedged(hedge_budget_pct=share))
    assert server.statistics().requests == requests_made + copies


def test_only_the_first_two_attempts_are_hedged(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.3, status=503), "key")
    with pytest.raises(requests.exceptions.HTTPError):
        client.batch_post("/x", [1], hedged(max_retries=3, hedge_budget_pct=3.0))
    assert ids(server) == ["0-0", "0-hedge-1", "0-1", "0-hedge-2", "0-2", "0-3"]


def test_a_copy_takes_no_slot(server: Server) -> None:
    client = PerformanceClient(server.faulty(stall=True, times=1, containing="1"), "key")
    assert client.batch_post("/x", [1], hedged(max_concurrent_requests=1)).data == [1]
    assert server.statistics().peak_concurrent_requests == 2


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_the_losers_bytes_never_reach_the_rows(server: Server, encoding: str) -> None:
    texts = [f"text {number}" for number in range(200)]
    # Some originals are overtaken by their copies; the others answer at about the time at which these are sent.
    overtaken = Faults(latency=1.0, times=1, containing="text 1")
    client = PerformanceClient(server.faulty(overtaken, Faults(latency=0.12)), "key")
    response = client.embed(texts, "m", encoding, preference=hedged(batch_size=4, hedge_budget_pct=3.0))
    assert numpy.array_equal(response.numpy(), embeddings(texts))
    assert any("hedge" in one for one in ids(server))


def test_another_endpoint_is_preferred(server: Server) -> None:
    with Server(record=True, faults=Faults(stall=True)) as stalled:
        addresses = {
            "base_url": stalled.url,
            "api_key": "key",
            "client_wrapper": HttpClientWrapper(),
            "health_check_interval_s": 3600.0,
        }
        pool = EndpointPool([Endpoint(**addresses), Endpoint(**{**addresses, "base_url": server.url})], [1.0, 0.0001])
        client = PerformanceClient("http://ignored.invalid", "key", endpoint_pool=pool)
        data = client.batch_post("/x", list(range(5)), hedged(hedge_budget_pct=3.0, timeout_s=10.0)).data
        assert data == list(range(5))
        assert ids(server) and all("hedge" in one for one in ids(server))


async def _awaited(client: PerformanceClient) -> list[object]:
    return list((await client.async_batch_post("/x", [1, 2, 3], hedged())).data)


def test_asynchronous(server: Server) -> None:
    import asyncio

    client = PerformanceClient(server.faulty(stall=True, times=1, containing="2"), "key")
    assert asyncio.run(_awaited(client)) == [1, 2, 3]
