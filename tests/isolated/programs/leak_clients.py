"""Hundreds of clients and event loops, made, used and dropped: loops, connections and descriptors all come back."""

from __future__ import annotations

import asyncio
import gc

from shared.patience import eventually
from shared.usage import expect_flat, threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:

        async def use(client: PerformanceClient) -> None:
            await asyncio.gather(*(client.async_batch_post("/same", [i]) for i in range(5)))

        def calls() -> None:
            for _ in range(5):
                client = PerformanceClient(server.url, "key")
                assert client.batch_post("/same", list(range(40))).data == list(range(40))
                asyncio.run(use(client))
                PerformanceClient(server.url, "key")  # never used
            del client
            gc.collect()
            eventually(lambda: threads() == 1)

        expect_flat(calls, warm_up=8, rounds=12)
        eventually(lambda: server.statistics().connections_open == 0)
    print("done")


main()
