"""patience_s: how long refusals are waited out without any success, and what a call ends with when it is over."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import requests

from baseten_perf import APIStatusError, Endpoint, EndpointPool, HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Faults, Server

pytestmark = [pytest.mark.usefixtures("no_probes_left", "poller"), pytest.mark.timeout(60)]


def refusal(client: PerformanceClient, payloads: list[Any], **options: Any) -> Any:
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", payloads, **options)
    assert caught.value.args[0] == 429
    return caught.value


def details(error: Any) -> str:
    return str(error).splitlines()[-1]


def test_without_patience_the_first_refusal_is_the_end(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=10, containing="refused"), "k")
    error = refusal(client, [1, 2, "refused"], patience_s=0.0, max_concurrent_requests=1)
    assert error.attempts == 1 and error.partial == [1, 2, None]
    assert details(error).endswith("not retried: patience_s=0")
    assert server.statistics().requests == 3


@pytest.mark.parametrize("faults", [{"status": 429}, {"status": 429, "retry_after_ms": 60}], ids=str)
def test_refusals_without_end_fail_when_patience_is_over(server: Server, faults: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(containing="refused", **faults), "k")
    error = refusal(client, [1, 2, "refused", 4], patience_s=0.5, max_concurrent_requests=1, max_retries=1)
    assert error.partial == [1, 2, None, None]
    assert 2 < error.attempts == server.statistics().requests - 2
    assert "refused for 0." in details(error) and "(patience_s=0.5)" in details(error)


def test_a_success_renews_patience(server: Server) -> None:
    """The gate is closed for longer than patience in all, but never without a success in between."""
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=250, times=1), "k")
    payloads = list(range(6))
    assert client.batch_post("/x", payloads, patience_s=0.7, max_concurrent_requests=1).data == payloads
    times = [request.time for request in server.requests()]
    assert times[-1] - times[0] > 0.7, "there was nothing to renew"


def test_a_success_of_another_call_renews_patience(server: Server) -> None:
    """While the server takes some requests of the quota, the others keep their patience."""
    url = server.faulty(Faults(status=429, retry_after_ms=20, times=16, containing="late"), Faults(containing="soon"))

    async def calls() -> None:
        client = PerformanceClient(url, "k")
        late = client.async_batch_post("/x", ["late"], patience_s=1.0)
        while not late.done():
            assert (await client.async_batch_post("/x", ["soon"])).data == ["soon"]
        assert (await late).data == ["late"]

    asyncio.run(asyncio.wait_for(calls(), 40))


def test_who_never_was_first_ends_with_a_refusal_of_its_own(server: Server) -> None:
    """Twenty calls wait behind one whose refusal has closed the gate until after their patience."""
    client = PerformanceClient(server.faulty(status=429, retry_after=30), "k")

    async def calls() -> None:
        first = client.async_batch_post("/x", ["first"])
        while not server.statistics().requests:
            await asyncio.sleep(0.002)
        others = [client.async_batch_post("/x", [i, "never"], patience_s=0.3) for i in range(20)]
        for ended in await asyncio.gather(*others, return_exceptions=True):
            assert type(ended) is APIStatusError and ended.args[0] == 429, repr(ended)
            assert ended.attempts == 1 and ended.partial == [None, None]  # type: ignore[attr-defined]
        assert not first.done()
        first.cancel()

    asyncio.run(calls())
    # Of some, both requests may have been sent at once before the gate was known to be closed.
    assert 21 <= server.statistics().requests <= 41


def test_who_was_never_sent_ends_with_a_refusal_of_its_own_after_short_closures(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=100), "k")

    async def calls() -> None:
        ended = await asyncio.gather(
            *(client.async_batch_post("/x", [i], patience_s=0.5) for i in range(100)), return_exceptions=True
        )
        for one in ended:
            assert type(one) is APIStatusError and one.args[0] == 429, repr(one)
            assert one.attempts >= 1  # type: ignore[attr-defined]

    asyncio.run(asyncio.wait_for(calls(), 30))


def test_retry_after_beyond_patience_fails_at_once(server: Server) -> None:
    """Also for the second call, which finds the gate closed, and for one that begins while the first one waits."""
    client = PerformanceClient(server.faulty(status=429, retry_after=50), "k")
    for number in range(1, 4):
        error = refusal(client, ["a", "b"], patience_s=30.0, max_concurrent_requests=1)
        assert error.attempts == 1 and error.partial == [None, None]
        assert details(error).endswith("not waited for: Retry-After 50 s is longer than patience_s=30")
        assert server.statistics().requests == number


def test_a_more_patient_call_waits_where_another_has_given_up(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after=2, times=1), "k")
    assert refusal(client, ["x"], patience_s=1.0).attempts == 1
    assert client.batch_post("/x", ["x", "y"], max_concurrent_requests=1).data == ["x", "y"]


def test_max_retries_0_waits_at_the_gate_but_not_after_its_own_refusal(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=500, containing="refused"), "k")
    refusal(client, ["refused"], max_retries=0)
    assert client.batch_post("/x", ["free"], max_retries=0).data == ["free"]
    first, second = server.requests()
    assert second.time - first.time >= 0.48
    assert refusal(client, ["refused"], max_retries=0).attempts == 1


@pytest.mark.parametrize("retry_after_ms", [20, 20_000])
def test_the_deadline_ends_the_wait(server: Server, retry_after_ms: int) -> None:
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=retry_after_ms), "k")
    options: dict[str, Any] = {"timeout_s": 0.4, "total_timeout_s": 0.5}
    ended: list[Any] = []

    def call(count: int) -> None:
        try:
            client.batch_post("/x", [0] * count, **options)
        except (requests.exceptions.HTTPError, requests.exceptions.Timeout) as error:
            ended.append(error)

    callers = [threading.Thread(target=call, args=(count,)) for count in (1, 3, 200, 1, 1)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert sorted(len(error.partial) for error in ended) == [1, 1, 1, 3, 200]
    assert all(set(error.partial) == {None} for error in ended)


def pooled(*urls: str) -> PerformanceClient:
    wrapper = HttpClientWrapper()
    pool = EndpointPool([Endpoint(url, "k", wrapper) for url in urls])
    return PerformanceClient(urls[0], "k", endpoint_pool=pool)


def test_a_pool_whose_endpoints_all_refuse_fails_when_patience_is_over(server: Server, other_server: Server) -> None:
    client = pooled(*(one.faulty(status=429, retry_after_ms=60) for one in (server, other_server)))
    error = refusal(client, list(range(20)), patience_s=0.5, max_concurrent_requests=4)
    assert error.partial == [None] * 20 and "(patience_s=0.5)" in details(error)
    assert server.statistics().requests > 1 and other_server.statistics().requests > 1


def test_a_pool_that_is_closed_beyond_patience_fails_at_once(server: Server, other_server: Server) -> None:
    client = pooled(*(one.faulty(status=429, retry_after=50) for one in (server, other_server)))
    for _ in range(3):
        error = refusal(client, [1, 2, 3], patience_s=30.0, max_concurrent_requests=1)
        assert error.attempts <= 2 and error.partial == [None] * 3


def test_a_pool_with_one_open_endpoint_needs_no_patience(server: Server, other_server: Server) -> None:
    client = pooled(server.faulty(status=429, retry_after=20), other_server.url)
    payloads = list(range(200))
    assert client.batch_post("/x", payloads, patience_s=40.0, max_concurrent_requests=8).data == payloads
    assert other_server.statistics().requests_by_path["/x"] == 200


def test_a_pool_waits_for_the_first_that_opens(server: Server, other_server: Server) -> None:
    client = pooled(
        server.faulty(status=429, retry_after=30), other_server.faulty(status=429, retry_after_ms=300, first=3)
    )
    payloads = list(range(30))
    assert client.batch_post("/x", payloads, max_concurrent_requests=3).data == payloads
