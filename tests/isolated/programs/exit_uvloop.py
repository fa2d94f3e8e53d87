"""uvloop: calls in flight at the end of the program, a loop closed early, and calls that are awaited."""

from __future__ import annotations

import asyncio

import uvloop

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.url, "key")
stalled = PerformanceClient(server.faulty(stall=True), "key")


async def main() -> None:
    answers = await asyncio.gather(*(client.async_batch_post("/same", [i]) for i in range(500)))
    assert [answer.data for answer in answers] == [[i] for i in range(500)]
    stalled.async_batch_post("/same", [1] * 20)
    while server.statistics().requests_active < 20:
        await asyncio.sleep(0.005)


for _ in range(3):
    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    server.reset()
loop = uvloop.new_event_loop()
loop.run_until_complete(main())
print("done")
