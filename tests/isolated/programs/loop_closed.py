"""Event loops closed with calls in flight, again and again: silent, everything comes back, later loops work."""

from __future__ import annotations

import asyncio
import gc

from shared.patience import eventually
from shared.usage import connections, descriptors

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server


async def abandon(client: PerformanceClient, server: Server, kept: list[object]) -> None:
    await asyncio.sleep(0)
    for number in range(5):
        future = client.async_batch_post("/same", [number] * 4)
        if number % 2:
            kept.append(future)
    while server.statistics().requests_active < 20:
        await asyncio.sleep(0.002)


async def work(client: PerformanceClient) -> None:
    answers = await asyncio.gather(*(client.async_batch_post("/same", [i]) for i in range(20)))
    assert [answer.data for answer in answers] == [[i] for i in range(20)]


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stalled = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=HttpClientWrapper())
        asyncio.run(work(client))
        before = 0

        def others() -> int:
            """Descriptors that are not connections that the client keeps idle."""
            return descriptors() - connections(client)

        for turn in range(25):
            kept: list[object] = []
            loop = asyncio.new_event_loop()
            loop.run_until_complete(abandon(stalled, server, kept))
            loop.close()
            del loop
            if turn % 2:
                kept.clear()
                gc.collect()
            asyncio.run(work(client))
            # A new loop's first call lets go of what closed loops left.
            eventually(lambda: server.statistics().requests_active == 0)
            kept.clear()
            gc.collect()
            if turn == 4:
                before = others()
        eventually(lambda: others() <= before + 2)
    print("done")


main()
