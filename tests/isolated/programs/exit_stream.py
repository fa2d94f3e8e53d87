"""The program ends while streams are under way, of which one is still referred to."""

from __future__ import annotations

import asyncio

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.faulty(containing="5", stall=True), "key")
blocking = client.iter_batch_post("/same", iter(range(1000)), max_concurrent_requests=8)
assert next(blocking).data == [0]
kept = client.iter_batch_post("/same", iter(range(1000)), max_concurrent_requests=8)


async def main() -> None:
    assert (await anext(kept)).data == [0]


asyncio.run(main())
print("done")
