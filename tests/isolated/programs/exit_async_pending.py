"""asyncio.run returns while calls are in flight that nobody awaits."""

from __future__ import annotations

import asyncio

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.faulty(stall=True), "key")
kept = []


async def main() -> None:
    client.async_batch_post("/same", [1] * 50)
    kept.append(client.async_embed(["text"] * 50, "m", batch_size=1))
    kept.append(asyncio.create_task(client.async_batch_post("/same", [1] * 50)))
    while server.statistics().requests_active < 150:
        await asyncio.sleep(0.005)


asyncio.run(main())
print("done")
