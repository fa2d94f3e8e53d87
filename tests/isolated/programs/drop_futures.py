"""Futures dropped and cancelled at any moment, with garbage collections in between: no crash, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import random

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


async def main(server: Server) -> None:
    chance = random.Random(2)
    client = PerformanceClient(server.url, "key")
    pool = client.get_client_wrapper()
    stalled = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=pool)
    slow = PerformanceClient(server.faulty(body_latency=0.02), "key", client_wrapper=pool)
    for turn in range(150):
        kept = []
        for number in range(10):
            one = chance.choice((client, stalled, slow))
            if number % 2:
                future = one.async_embed([f"text {i}" for i in range(30)], "m", batch_size=5, dimensions=64)
            else:
                future = one.async_batch_post("/same", [{"body": "x" * 2000}] * 5)
            kept.append(future)
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))
        chance.shuffle(kept)
        for future in kept[:5]:
            future.cancel()
        if turn % 2:
            await asyncio.sleep(0)
        for future in kept:
            future.cancel()
        kept.clear()
        del future
        if turn % 10 == 0:
            gc.collect()
        if turn % 50 == 0:
            assert (await client.async_batch_post("/same", [turn])).data == [turn]
    # 3 000 at once in flight, all dropped.
    wave = [stalled.async_batch_post("/same", [1]) for _ in range(3000)]
    await asyncio.sleep(0.05)
    for future in wave:
        future.cancel()
    wave.clear()
    del future
    gc.collect()
    assert (await client.async_batch_post("/same", [1])).data == [1]


with Server() as running:
    asyncio.run(main(running))
    gc.collect()
    eventually(lambda: running.statistics().requests_active == 0)
    eventually(lambda: running.statistics().connections_open == 0)
    print("done")
