"""Clients made and closed, idle and with calls in flight, leave no memory, descriptor, thread or connection."""

from __future__ import annotations

import asyncio
import threading

from shared.patience import eventually
from shared.usage import expect_flat, threads

from baseten_perf import OperationCancelled, PerformanceClient
from baseten_perf.testing import Server

with Server() as server:
    stall = server.faulty(stall=True)

    def blocks(client: PerformanceClient) -> None:
        try:
            client.batch_post("/same", [1, 2, 3])
        except (OperationCancelled, RuntimeError):
            return
        raise AssertionError("an answer that nobody gave")

    async def awaits(client: PerformanceClient) -> None:
        futures = [client.async_embed(["a"], "m") for _ in range(3)]
        await asyncio.sleep(0)
        client.close()
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(result) for result in results] == [OperationCancelled] * 3

    def round_of_calls() -> None:
        with PerformanceClient(server.url, "key") as idle:
            idle.batch_post("/same", [1])
        client = PerformanceClient(stall, "key")
        callers = [threading.Thread(target=blocks, args=(client,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        client.close()
        for caller in callers:
            caller.join()
        asyncio.run(awaits(PerformanceClient(stall, "key")))

    expect_flat(round_of_calls, warm_up=30, rounds=60)
    eventually(lambda: threads() == 1)
    eventually(lambda: server.statistics().connections_open == 0)
    print("done")
