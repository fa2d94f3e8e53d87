"""Children that end as programs do (sys.exit, atexit, finalisation), the parent's calls in flight in their memory."""

from __future__ import annotations

import asyncio
import os
import sys

from shared.children import expect_success
from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    server = Server()
    parent = os.getpid()
    client = PerformanceClient(server.faulty(latency=1.0), "key")
    fast = PerformanceClient(server.url, "key", client_wrapper=client.get_client_wrapper())
    loop = asyncio.new_event_loop()

    async def start() -> list[asyncio.Future[object]]:
        return [client.async_batch_post("/same", [i] * 4) for i in range(10)]

    futures = loop.run_until_complete(start())
    eventually(lambda: server.statistics().requests_active == 40)
    children = []
    for number in range(6):
        pid = os.fork()
        if pid == 0:
            if number % 2:
                assert fast.batch_post("/same", [number]).data == [number]
            sys.exit(0)
        children.append(pid)
    assert os.getpid() == parent
    for pid in children:
        expect_success(pid)
    answers = loop.run_until_complete(asyncio.wait_for(asyncio.gather(*futures), 20))
    assert [answer.data for answer in answers] == [[i] * 4 for i in range(10)]
    assert server.statistics().requests_aborted == 0
    loop.close()
    server.close()
    print("done")


main()
