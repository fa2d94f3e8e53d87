"""Refusals among several calls of one endpoint: who waits at the gate, who goes first, what cancelling passes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests

from baseten_perf import (
    APIConnectionError,
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Faults, Server

pytestmark = [pytest.mark.usefixtures("no_probes_left", "poller"), pytest.mark.timeout(60)]


def preference(concurrency: int, **options: Any) -> RequestProcessingPreference:
    return RequestProcessingPreference(concurrency, 16, timeout_s=30.0, initial_backoff_ms=50, **options)


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.002)


def test_more_refusals_than_retries_are_survived(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=10, times=20), "k")
    response = client.batch_post("/x", [1], preference(1, max_retries=2))
    assert response.data == [1]
    assert server.statistics().requests == 21


@pytest.mark.parametrize("options", [{"max_retries": 0}], ids=str)
def test_who_wants_no_further_attempt_gets_none(server: Server, options: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=10), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", [1], preference(1, **options))
    assert caught.value.attempts == 1  # type: ignore[attr-defined]
    assert server.statistics().requests == 1


def test_cancelled_calls_leave_nobody_behind(server: Server) -> None:
    """Two hundred calls wait at a gate that one of them has closed; they are cancelled, and a bystander is answered."""
    client = PerformanceClient(
        server.faulty(Faults(status=429, retry_after_ms=300, containing="stuck"), Faults(containing="free")), "k"
    )

    async def calls() -> list[object]:
        stuck = [client.async_batch_post("/x", [f"stuck {i}"], preference(1)) for i in range(200)]
        await until(lambda: server.statistics().requests)
        bystander = client.async_batch_post("/x", ["free"], preference(1))
        await asyncio.sleep(0)
        for call in stuck:
            call.cancel()
        return list((await bystander).data)

    assert asyncio.run(asyncio.wait_for(calls(), 30)) == ["free"]


def test_calls_cancelled_by_their_token_leave_nobody_behind(server: Server) -> None:
    client = PerformanceClient(
        server.faulty(Faults(status=429, retry_after_ms=300, containing="stuck"), Faults(containing="free")), "k"
    )
    token = CancellationToken()

    async def calls() -> list[object]:
        stuck = [client.async_batch_post("/x", [f"stuck {i}"], preference(1, cancel_token=token)) for i in range(200)]
        await until(lambda: server.statistics().requests)
        bystander = client.async_batch_post("/x", ["free"], preference(1))
        await asyncio.sleep(0)
        token.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        return list((await bystander).data)

    assert asyncio.run(asyncio.wait_for(calls(), 30)) == ["free"]


def test_a_probe_that_is_cancelled_is_not_the_last(server: Server) -> None:
    """The probe of a closed gate gets no answer and is cancelled: another call's request goes in its place."""
    client = PerformanceClient(
        server.faulty(Faults(status=429, retry_after_ms=50, times=1, containing="stuck"),
                      Faults(stall=True, containing="stuck"), Faults(containing="free")), "k"
    )  # fmt: skip

    async def calls() -> list[object]:
        stuck = client.async_batch_post("/x", ["stuck"], preference(1))
        await until(lambda: server.statistics().requests == 2)
        free = [client.async_batch_post("/x", ["free"], preference(1)) for _ in range(5)]
        await asyncio.sleep(0)
        stuck.cancel()
        return [(await call).data[0] for call in free]

    assert asyncio.run(asyncio.wait_for(calls(), 30)) == ["free"] * 5


def test_a_tiny_call_is_not_starved_by_a_huge_one(server: Server) -> None:
    """Calls that wait take turns: the tiny one ends long before the huge one."""
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=100, first=5), "k")
    ended: list[str] = []

    async def call(name: str, count: int) -> None:
        await client.async_batch_post("/x", [name] * count, preference(32))
        ended.append(name)

    async def both() -> None:
        huge = asyncio.ensure_future(call("huge", 400))
        await until(lambda: server.statistics().requests)
        await call("tiny", 5)
        await huge

    asyncio.run(asyncio.wait_for(both(), 50))
    assert ended == ["tiny", "huge"]


def test_the_deadline_ends_the_wait_at_the_gate(server: Server) -> None:
    """With the refusal itself, where nothing could be sent any more before the deadline."""
    client = PerformanceClient(server.faulty(status=429), "k")
    for _ in range(2):
        with pytest.raises((requests.exceptions.HTTPError, requests.exceptions.Timeout)) as caught:
            client.batch_post("/x", [1, 2, 3], RequestProcessingPreference(timeout_s=0.4, total_timeout_s=0.6))
        assert caught.value.partial == [None] * 3  # type: ignore[attr-defined]
    assert server.statistics().requests < 30


def test_a_restart_of_the_server_is_survived(server: Server) -> None:
    """Connections are refused for longer than any retry would have waited; the endpoint has answered before."""
    with Server() as other:
        client = PerformanceClient(other.url, "k")
        assert client.batch_post("/x", [0]).data == [0]
        port = other.port

    async def restarted() -> list[object]:
        call = client.async_batch_post("/x", list(range(50)), preference(8, max_retries=1))
        await asyncio.sleep(1.5)
        assert not call.done(), "it gave up"
        with Server(port=port) as again:
            assert again.port == port
            return list((await call).data)

    assert asyncio.run(asyncio.wait_for(restarted(), 40)) == list(range(50))


def test_an_endpoint_that_never_answered_fails_soon_and_again(server: Server) -> None:
    client = PerformanceClient("http://127.0.0.1:9", "k")
    for _ in range(2):
        with pytest.raises(APIConnectionError) as caught:
            client.batch_post("/x", list(range(300)), preference(64))
        assert caught.value.attempts == 3  # type: ignore[attr-defined]


def test_another_endpoint_takes_what_one_refuses(server: Server) -> None:
    good = server.url
    refusing = server.faulty(status=429, retry_after=30)
    wrapper = HttpClientWrapper()
    pool = EndpointPool([Endpoint(refusing, "k", wrapper), Endpoint(good, "k", wrapper)])
    client = PerformanceClient(good, "k", endpoint_pool=pool)
    assert client.batch_post("/x", list(range(100)), preference(4)).data == list(range(100))
