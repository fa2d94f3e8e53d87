"""Thousands of calls cancelled before, while and after their answers come: memory and descriptors stay flat."""

from __future__ import annotations

import asyncio
import signal

from shared.usage import expect_flat

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(16)]


class Ring(Exception):
    pass


def ring(number: int, frame: object) -> None:
    raise Ring


def main() -> None:
    signal.signal(signal.SIGALRM, ring)
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stalled = PerformanceClient(
            server.faulty(stall_body=True), "key", client_wrapper=client.get_client_wrapper()
        )

        async def cancelled() -> None:
            for wait in (0, 0, 0.001, 0.003):
                for _ in range(5):
                    futures = [
                        client.async_embed(TEXTS, "m", batch_size=2, dimensions=64),
                        stalled.async_embed(TEXTS, "m", batch_size=2, dimensions=64),
                        client.async_batch_post("/same", TEXTS),
                        stalled.async_batch_post("/same", [["x" * 3000]] * 3),
                    ]
                    await asyncio.sleep(wait)
                    for future in futures:
                        future.cancel()
            assert (await client.async_batch_post("/same", TEXTS)).data == TEXTS

        def calls() -> None:
            asyncio.run(cancelled())
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.004)
                stalled.embed(TEXTS, "m", batch_size=2, dimensions=64)
            except Ring:
                pass

        expect_flat(calls, client, stalled, warm_up=15, rounds=20)
    print("done")


main()
