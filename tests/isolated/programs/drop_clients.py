"""Clients dropped with calls in flight: the calls go on to their end; dropped ones are aborted on the wire."""

from __future__ import annotations

import asyncio
import gc

from shared.patience import eventually
from shared.usage import threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


async def main(server: Server) -> None:
    slow = server.faulty(latency=0.1)
    stalled = server.faulty(stall=True)
    for _ in range(20):
        future = PerformanceClient(slow, "key").async_batch_post("/same", [1, 2, 3])
        gc.collect()
        assert (await future).data == [1, 2, 3]
    for _ in range(20):
        client = PerformanceClient(stalled, "key")
        future = client.async_embed(["a"] * 10, "m", batch_size=1)
        await asyncio.sleep(0.01)
        future.cancel()
        del client, future
        gc.collect()
    kept = [PerformanceClient(slow, "key").async_batch_post("/same", [i]) for i in range(30)]
    gc.collect()
    assert [answer.data for answer in await asyncio.gather(*kept)] == [[i] for i in range(30)]


with Server() as running:
    asyncio.run(main(running))
    gc.collect()
    eventually(lambda: running.statistics().requests_active == 0)
    eventually(lambda: threads() == 1)
    eventually(lambda: running.statistics().connections_open == 0)
    print("done")
