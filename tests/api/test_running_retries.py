"""Retries that run at the same time: at most 64 per client or endpoint; those that wait hold no slot."""

from __future__ import annotations

import asyncio
import re

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server


def wishes(concurrency: int) -> RequestProcessingPreference:
    return RequestProcessingPreference(concurrency, 16, timeout_s=30.0, initial_backoff_ms=50)


def test_no_more_than_64_at_once(server: Server) -> None:
    # First attempts fail at once; all later ones take their time together.
    base = server.faulty(Faults(status=503, times=1), Faults(latency=0.4))
    payloads = list(range(200))
    assert PerformanceClient(base, "key").batch_post("/x", payloads, wishes(200)).data == payloads
    assert server.statistics().peak_concurrent_requests == 64
    assert server.statistics().requests == 400


def test_the_cap_is_the_clients_not_the_calls(server: Server) -> None:
    client = PerformanceClient(server.faulty(Faults(status=503, times=1), Faults(latency=0.4)), "key")

    async def calls() -> list[object]:
        one = client.async_batch_post("/x", list(range(60)), wishes(60))
        other = client.async_batch_post("/x", list(range(60, 120)), wishes(60))
        return [*(await one).data, *(await other).data]

    assert asyncio.run(calls()) == list(range(120))
    assert server.statistics().peak_concurrent_requests == 64


def test_a_waiting_retry_holds_no_slot(server: Server) -> None:
    base = server.faulty(Faults(status=503, retry_after=1.0, times=1, containing="first"))
    payloads = ["first", *range(9)]
    assert PerformanceClient(base, "key").batch_post("/x", payloads, wishes(1)).data == payloads
    found = [str(request.header("x-baseten-customer-request-id")) for request in server.requests()]
    order = [re.sub(r"^perfclient-[0-9a-f]{10}-", "", one) for one in found]
    assert order == ["0-0", *(f"{number}-0" for number in range(1, 10)), "0-1"]


def test_a_cancelled_call_gives_its_places_back(server: Server) -> None:
    client = PerformanceClient(
        server.faulty(Faults(status=503, times=1), Faults(stall=True, containing="stuck")), "key"
    )

    async def calls() -> list[object]:
        stuck = client.async_batch_post("/x", [f"stuck {number}" for number in range(64)], wishes(64))
        while server.statistics().peak_concurrent_requests < 64:
            await asyncio.sleep(0.01)
        free = client.async_batch_post("/x", list(range(10)), wishes(10))
        await asyncio.sleep(0)
        stuck.cancel()
        return list((await free).data)

    assert asyncio.run(asyncio.wait_for(calls(), 30)) == list(range(10))
