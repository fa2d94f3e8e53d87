"""The program ends through sys.exit inside a coroutine and inside a handler, with calls in flight."""

from __future__ import annotations

import asyncio
import signal
import sys

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.faulty(stall=True), "key")


async def leave() -> None:
    in_flight = [client.async_batch_post("/same", [1] * 4) for _ in range(10)]
    while server.statistics().requests_active < 40:
        await asyncio.sleep(0.005)
    assert len(in_flight) == 10
    sys.exit(3)


def leave_too(number: int, frame: object) -> None:
    print("done")
    sys.exit(0)


try:
    asyncio.run(leave())
except SystemExit as leaving:
    assert leaving.code == 3
signal.signal(signal.SIGALRM, leave_too)
signal.setitimer(signal.ITIMER_REAL, 0.2)
client.batch_post("/same", [1] * 4)
raise AssertionError("a stalled call has returned")
