"""Fork inside a running event loop with calls in flight; the child runs a loop of its own with the old client."""

from __future__ import annotations

import asyncio
import threading

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


async def use(client: PerformanceClient) -> None:
    answers = await asyncio.gather(*(client.async_batch_post("/same", [i, i]) for i in range(20)))
    assert [answer.data for answer in answers] == [[i, i] for i in range(20)]


async def parent(server: Server) -> None:
    client = PerformanceClient(server.url, "key")
    slow = PerformanceClient(server.faulty(latency=0.3), "key", client_wrapper=client.get_client_wrapper())
    await use(client)

    def child() -> None:
        # asyncio.run refuses to run in the thread of a loop that runs; in the child that is this very thread.
        failures: list[BaseException] = []

        def other_thread() -> None:
            try:
                asyncio.run(use(client))
                assert client.batch_post("/same", [1]).data == [1]
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    for _ in range(6):
        in_flight = [slow.async_batch_post("/same", [i]) for i in range(10)]
        pid = fork(child)
        await asyncio.to_thread(expect_success, pid)
        assert [answer.data for answer in await asyncio.gather(*in_flight)] == [[i] for i in range(10)]
        await use(client)


def main() -> None:
    with Server() as server:
        asyncio.run(parent(server))
    print("done")


main()
