"""Fork while the event loop itself runs the engine's loop: the child's calls work, and the parent's call goes on."""

from __future__ import annotations

import asyncio
import os
import sys

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.execution.asynchronous import dispatcher_of
from baseten_perf.testing import Server

# Where there is epoll.
ATTENDS = sys.platform == "linux" and os.environ.get("BASETEN_PERF_POLLER") != "poll"


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        slow = PerformanceClient(server.faulty(latency=0.5), "key", client_wrapper=client.get_client_wrapper())
        loop = asyncio.new_event_loop()

        async def use(first: int) -> None:
            for i in range(first, first + 20):
                assert (await client.async_batch_post("/same", [i])).data == [i]

        async def begin(i: int) -> asyncio.Future[object]:
            future = slow.async_batch_post("/same", [i])
            assert dispatcher_of(loop).mailbox.attending == ATTENDS
            return future

        def child() -> None:
            other = asyncio.new_event_loop()
            other.run_until_complete(use(1000))
            assert client.batch_post("/same", [1]).data == [1]
            other.close()

        future = loop.run_until_complete(begin(7))
        eventually(lambda: server.statistics().requests_active == 1)
        pids = [fork(child) for _ in range(3)]
        for pid in pids:
            expect_success(pid)

        async def finish() -> None:
            answer = await future
            assert answer.data == [7]  # type: ignore[attr-defined]
            await use(0)

        loop.run_until_complete(finish())
        loop.close()
        assert server.statistics().requests_aborted == 0
    print("done")


main()
