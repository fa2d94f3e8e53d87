"""Fewer descriptors than concurrent requests: every request is answered, and the client still retries afterwards."""

from __future__ import annotations

import asyncio

from shared.children import expect_success, fork
from shared.shortage import limit
from shared.tls import tls_server

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server


def calls(server: Server, descriptors: int, count: int, concurrency: int) -> None:
    loop = asyncio.new_event_loop()
    limit(descriptors)
    url = server.faulty(Faults(status=503, times=1, containing="later"), Faults(latency=0.03))
    client = PerformanceClient(url, "key")
    payloads = list(range(count))

    async def awaited() -> None:
        one = client.async_batch_post("/same", payloads, max_concurrent_requests=concurrency)
        many = [client.async_batch_post("/same", [number]) for number in payloads]
        assert (await one).data == payloads
        assert [(await call).data for call in many] == [[number] for number in payloads]

    assert client.batch_post("/same", payloads, max_concurrent_requests=concurrency).data == payloads
    assert client.batch_post("/same", ["later"], initial_backoff_ms=50).data == ["later"]
    loop.run_until_complete(awaited())
    assert client.batch_post("/same", ["later again"], initial_backoff_ms=50).data == ["later again"]


def main() -> None:
    with Server() as server, tls_server() as secure:
        for one, descriptors, count, concurrency in [
            (server, 64, 300, 128), (server, 256, 800, 400), (server, 1024, 1500, 1024),
            (secure, 64, 200, 128), (secure, 256, 500, 400),
        ]:  # fmt: skip
            expect_success(fork(lambda: calls(one, descriptors, count, concurrency)), 55)  # noqa: B023
    print("done")


main()
