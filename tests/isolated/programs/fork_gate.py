"""Fork while calls wait at a closed gate, and while a probe is out: the calls of child and parent are answered."""

from __future__ import annotations

import asyncio
import threading

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server

PAYLOADS = [f"item {i}" for i in range(20)]


def while_it_is_closed(server: Server) -> None:
    server.reset()
    client = PerformanceClient(server.faulty(status=429, retry_after_ms=700, first=1), "key")
    answers: list[object] = []

    def call() -> None:
        answers.append(client.batch_post("/same", PAYLOADS, max_concurrent_requests=1).data)

    def child() -> None:
        assert client.batch_post("/same", PAYLOADS, max_concurrent_requests=1).data == PAYLOADS

        async def main() -> None:
            assert (await client.async_batch_post("/same", PAYLOADS)).data == PAYLOADS

        asyncio.run(main())

    callers = [threading.Thread(target=call) for _ in range(4)]
    callers[0].start()
    eventually(lambda: server.statistics().requests == 1 and not server.statistics().requests_active)
    for caller in callers[1:]:
        caller.start()
    children = [fork(child) for _ in range(3)]
    for pid in children:
        expect_success(pid)
    for caller in callers:
        caller.join(20)
    assert answers == [PAYLOADS] * 4


def while_they_wait_at_a_limit(server: Server) -> None:
    """A thread that is not in the child may hold its lock, and its waiters are not there; what is left of it is."""
    server.reset()
    client = PerformanceClient(server.url, "key", max_requests_per_minute=1200)
    callers = [threading.Thread(target=client.batch_post, args=("/same", PAYLOADS)) for _ in range(4)]

    def child() -> None:
        assert client.batch_post("/same", PAYLOADS).data == PAYLOADS

    for caller in callers:
        caller.start()
    eventually(lambda: server.statistics().requests >= 20)
    children = [fork(child) for _ in range(3)]
    for pid in children:
        expect_success(pid)
    for caller in callers:
        caller.join(20)
    assert server.statistics().requests == 7 * len(PAYLOADS)


def while_a_probe_is_out(server: Server) -> None:
    server.reset()
    client = PerformanceClient(
        server.faulty(
            Faults(status=429, retry_after_ms=50, times=1, containing="stuck"),
            Faults(stall=True, containing="stuck"), Faults(containing="item"),
        ), "other key",
    )  # fmt: skip

    def child() -> None:
        for _ in range(2):
            assert client.batch_post("/same", PAYLOADS, max_concurrent_requests=2).data == PAYLOADS

    async def parent() -> None:
        stuck = client.async_batch_post("/same", ["stuck"])
        while server.statistics().requests < 2:
            await asyncio.sleep(0.005)
        free = [client.async_batch_post("/same", PAYLOADS, max_concurrent_requests=2) for _ in range(3)]
        await asyncio.sleep(0)
        children = [fork(child) for _ in range(3)]
        for pid in children:
            await asyncio.to_thread(expect_success, pid)
        stuck.cancel()
        assert [(await call).data for call in free] == [PAYLOADS] * 3

    asyncio.run(parent())


def main() -> None:
    with Server() as server:
        for _ in range(2):
            while_it_is_closed(server)
            while_a_probe_is_out(server)
        while_they_wait_at_a_limit(server)
    print("done")


main()
