"""A request that waits for an address: its time-outs run; it can be cancelled, dropped, hedged, and timed."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import requests
from shared import names
from shared.patience import eventually

names.begin()

from baseten_perf import (  # noqa: E402
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Server  # noqa: E402


def timed_out(client: PerformanceClient, **options: float) -> str:
    try:
        client.batch_post("/x", [1, 2, 3], RequestProcessingPreference(max_retries=0, **options))
    except requests.exceptions.Timeout as error:
        return str(error)
    raise AssertionError("no error")


def time_outs(url: str) -> None:
    message = timed_out(PerformanceClient(url, "key", connect_timeout_s=0.1))
    assert "Could not connect within timeout" in message and "Resolving timed out after" in message, message
    message = timed_out(PerformanceClient(url, "key"), timeout_s=0.1)
    assert "Could not connect within timeout" in message and "Resolving timed out after" in message, message
    assert "Total operation timed out" in timed_out(PerformanceClient(url, "key"), timeout_s=0.1, total_timeout_s=0.1)


def cancellation(client: PerformanceClient) -> None:
    token = CancellationToken()
    threading.Timer(0.05, token.cancel).start()
    try:
        client.batch_post("/x", list(range(300)), RequestProcessingPreference(cancel_token=token))
    except OperationCancelled:
        pass
    else:
        raise AssertionError("not cancelled")

    async def cancelled() -> None:
        try:
            await asyncio.wait_for(client.async_batch_post("/x", list(range(300))), 0.05)
        except (TimeoutError, asyncio.TimeoutError):
            return
        raise AssertionError("not cancelled")

    async def dropped() -> None:
        call = client.async_batch_post("/x", list(range(300)))
        await asyncio.sleep(0.05)
        del call

    asyncio.run(cancelled())
    asyncio.run(dropped())
    gc.collect()


def timings(port: int) -> None:
    def answer() -> None:
        names.answer("slow.test", names.A, "127.0.0.1")
        names.deny("slow.test", names.AAAA)

    client = PerformanceClient(f"http://slow.test:{port}", "key")
    threading.Timer(0.2, answer).start()
    waiting, later = (client.batch_post("/x", [1], timings=True).timings[0] for _ in range(2))
    assert waiting["dns"] > 0.15 and later["dns"] == 0, (waiting, later)
    assert waiting["queued"] + waiting["dns"] < waiting["total"]


with Server() as server:
    timings(server.port)
    url = f"http://silent.test:{server.port}"
    time_outs(url)
    wrapper = HttpClientWrapper()
    client = PerformanceClient(url, "key", client_wrapper=wrapper)
    cancellation(client)
    # A pool that goes while its look-ups are out.
    gone = PerformanceClient(f"http://gone.test:{server.port}", "key")
    timed_out(gone, timeout_s=0.1)
    kept = weakref.ref(gone.get_client_wrapper())
    del gone
    eventually(lambda: gc.collect() or kept() is None)

    # The copy of a request that waits is sent to the endpoint that is known.
    names.answer("known.test", names.A, "127.0.0.1")
    names.deny("known.test", names.AAAA)
    hedged = RequestProcessingPreference(hedge_delay=0.05, hedge_budget_pct=3.0, max_retries=0, timeout_s=30)
    endpoints = [Endpoint(base, "key", HttpClientWrapper()) for base in (url, f"http://known.test:{server.port}")]
    pooled = PerformanceClient(url, "key", endpoint_pool=EndpointPool(endpoints), client_wrapper=wrapper)
    payloads = list(range(20))
    assert pooled.batch_post("/x", payloads, hedged).data == payloads

    names.answer("silent.test", names.A, "127.0.0.1")
    names.deny("silent.test", names.AAAA)
    assert client.batch_post("/x", payloads).data == payloads
    names.answer("gone.test", names.A, "127.0.0.1")
    names.deny("gone.test", names.AAAA)
print("done")
