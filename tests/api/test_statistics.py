"""`client.statistics()`: what a client has counted of its endpoints, beside what the servers have counted."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import (
    CancellationToken,
    Endpoint,
    EndpointPool,
    EndpointStatistics,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
)
from baseten_perf.testing import Faults, Server

Eventually = Callable[..., None]


def of(client: PerformanceClient) -> EndpointStatistics:
    (one,) = client.statistics()
    return one


def counts(client: PerformanceClient, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(of(client), name) for name in names)


def test_from_the_start(server: Server) -> None:
    client = PerformanceClient(server.url.replace("://", "://user:SECRET@") + "/base?key=SECRET", "k")
    assert of(client) == EndpointStatistics(server.url + "/base")
    client.batch_post("/x", ["some text"])
    after = of(client)
    assert after == dataclasses.replace(after, base_url=server.url + "/base", requests=1, answered=1, failed=0)
    assert (after.bytes_sent, after.bytes_received, after.in_flight, after.connections_open) == (11, 11, 0, 1)
    assert after.latency_p50 == after.latency_p99 <= after.latency_max
    assert pickle.loads(pickle.dumps(after)) == after
    client.close()
    assert of(client) == dataclasses.replace(after, connections_open=of(client).connections_open)


def test_all_loops_are_added_up(server: Server, monkeypatch: pytest.MonkeyPatch, poller: str) -> None:
    monkeypatch.setenv("BASETEN_PERF_LOOPS", "4")
    client = PerformanceClient(server.url, "k")
    client.batch_post("/x", list(range(2000)), max_concurrent_requests=256)
    asyncio.run(_awaited(client, 500))
    assert len(list(client.iter_batch_post("/x", range(500)))) == 500
    assert counts(client, "requests", "answered", "retries", "in_flight") == (3000, 3000, 0, 0)
    assert of(client).connections_open == server.statistics().connections_open


async def _awaited(client: PerformanceClient, count: int) -> None:
    await client.async_batch_post("/x", list(range(count)))


def test_each_attempt_is_one_of_a_kind(server: Server, poller: str) -> None:
    """What the server got is requests, retries and hedges; refusals and failures are told apart."""
    base = server.faulty(
        Faults(status=429, retry_after_ms=5, times=2, containing="refused"),
        Faults(status=503, retry_after_ms=5, times=1, containing="busy"),
        Faults(status=500, times=1, containing="unlucky"),
        Faults(status=400, containing="bad"),
        Faults(reset=True, times=1, containing="reset"),
        Faults(stall=True, times=1, containing="slow"),
    )
    client = PerformanceClient(base, "k", client_wrapper=HttpClientWrapper())
    options: dict[str, Any] = {"initial_backoff_ms": 50, "return_exceptions": True, "max_concurrent_requests": 1}
    for payload, expected in (
        # requests, retries, hedges, answered, failed, refused
        ("plain", (1, 0, 0, 1, 0, 0)),
        ("refused", (1, 2, 0, 1, 0, 2)),
        ("busy", (1, 1, 0, 1, 0, 1)),
        ("unlucky", (1, 1, 0, 1, 0, 0)),
        ("bad", (1, 0, 0, 0, 1, 0)),
        ("slow", (1, 0, 1, 1, 0, 0)),
    ):
        names = ("requests", "retries", "hedges", "answered", "failed", "refused")
        server.reset()
        before = counts(client, *names)
        client.batch_post("/x", [payload], hedge_delay=0.3 if payload == "slow" else None, **options)
        after = counts(client, *names)
        assert tuple(now - then for now, then in zip(after, before, strict=True)) == expected, payload
        assert server.statistics().requests == sum(expected[:3])
    # A reset connection: a retry of ours, or one by libcurl where the connection was used before.
    fresh = PerformanceClient(base, "k", client_wrapper=HttpClientWrapper())
    fresh.batch_post("/x", ["reset"], **options)
    assert counts(fresh, "requests", "retries", "answered", "failed") == (1, 1, 1, 0)


def test_failures(server: Server, eventually: Eventually, poller: str) -> None:
    """Requests that fail of themselves; those that are aborted with their call are neither answered nor failed."""
    options: dict[str, Any] = {"max_retries": 0, "return_exceptions": True}
    nobody = PerformanceClient("http://127.0.0.1:9", "k")
    nobody.batch_post("/x", [1, 2], **options)
    assert counts(nobody, "requests", "answered", "failed", "connections_open") == (2, 0, 2, 0)
    stalled = PerformanceClient(server.faulty(stall=True), "k")
    stalled.batch_post("/x", [1, 2, 3], timeout_s=0.2, **options)
    assert counts(stalled, "requests", "failed", "in_flight") == (3, 3, 0)
    late = PerformanceClient(server.faulty(stall=True, tag="late"), "k")
    with pytest.raises(requests.exceptions.Timeout):
        late.batch_post("/x", [1, 2, 3], total_timeout_s=0.2, **options)
    eventually(lambda: of(late).in_flight == 0)
    token = CancellationToken()

    async def cancelled() -> None:
        call = late.async_batch_post("/x", [1, 2], cancel_token=token)
        while of(late).in_flight < 2:
            await asyncio.sleep(0.002)
        token.cancel()
        with pytest.raises(OperationCancelled):
            await call

    asyncio.run(cancelled())
    eventually(lambda: of(late).in_flight == 0)
    assert counts(late, "requests", "answered", "failed", "latency_p50") == (5, 0, 0, None)


def test_connections(server: Server, eventually: Eventually, poller: str) -> None:
    """Those that a client has opened, until they are closed; also by another client of its pool."""
    wrapper = HttpClientWrapper()
    slow, other = (PerformanceClient(server.faulty(latency=0.2), "k", client_wrapper=wrapper) for _ in range(2))
    slow.batch_post("/x", list(range(10)))
    assert of(slow).connections_open == server.statistics().connections_open == 10
    other.batch_post("/x", list(range(10)))
    assert of(slow).connections_open + of(other).connections_open == server.statistics().connections_open
    closing = PerformanceClient(server.faulty(close_after=True), "k", client_wrapper=wrapper)
    closing.batch_post("/x", list(range(3)), max_concurrent_requests=1)
    wrapper.close()
    eventually(lambda: sum(of(each).connections_open for each in (slow, other, closing)) == 0)


@pytest.mark.usefixtures("no_probes_left")
def test_endpoints_of_a_pool(server: Server, other_server: Server) -> None:
    """Each counts for itself, for each client; health probes do not count."""
    wrapper = HttpClientWrapper()
    refusing = server.faulty(status=500)
    pool = EndpointPool([Endpoint(refusing, "k", wrapper), Endpoint(other_server.url, "k", wrapper)])
    clients = [PerformanceClient("http://ignored.invalid", "k", endpoint_pool=pool) for _ in range(2)]
    clients[0].batch_post("/x", list(range(100)), max_concurrent_requests=4)
    first, second = clients[0].statistics()
    assert [first.base_url, second.base_url] == [refusing, other_server.url]
    assert first.requests + second.requests == second.answered == 100
    assert first.requests == second.retries > 0 == first.answered == first.failed
    assert other_server.statistics().requests_by_path["/x"] == second.requests + second.retries
    assert server.statistics().requests_by_path["/x"] == first.requests + first.retries
    assert [each.requests for each in clients[1].statistics()] == [0, 0]
    assert [each.requests for each in copy.copy(clients[0]).statistics()] == [0, 0]
    assert [each.requests for each in pickle.loads(pickle.dumps(clients[0])).statistics()] == [0, 0]


def test_latencies(server: Server) -> None:
    """Of attempts: waits of a request for its turn and at gates are none of the server's."""
    base = server.faulty(
        Faults(status=429, retry_after_ms=1000, times=1, containing="refused"), Faults(latency=0.3, containing="slow")
    )
    client = PerformanceClient(base, "k")
    client.batch_post("/x", ["refused"])
    assert of(client).latency_max < 1
    client.batch_post("/x", ["slow"] * 5 + list(range(94)), max_concurrent_requests=32)
    one = of(client)
    assert one.answered == 100
    assert one.latency_p50 <= one.latency_p90 <= one.latency_p99 <= one.latency_max
    assert one.latency_p99 > 0.3 * 0.88 and one.latency_max > 0.29
