"""The program ends with an event loop left open, in a thread that runs it, and calls in flight."""

from __future__ import annotations

import asyncio
import threading

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.faulty(stall=True), "key")
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


async def call(number: int) -> None:
    await client.async_batch_post("/same", [number] * 4)


waiting = [asyncio.run_coroutine_threadsafe(call(number), loop) for number in range(10)]
eventually(lambda: server.statistics().requests_active == 40)
print("done")
