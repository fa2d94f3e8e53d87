"""Cancelling a future, its task or its time-out aborts the call on the wire; the client goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

pytestmark = [pytest.mark.usefixtures("poller"), pytest.mark.timeout(60)]


async def until(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("not within 10 s")


def test_wait_for(server: Server, eventually: Any) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.async_batch_post("/x", list(range(7))), 0.3)

    asyncio.run(main())
    eventually(lambda: server.statistics().requests_active == 0)
    assert server.statistics().requests_aborted == server.statistics().requests > 0


def test_cancel_of_the_future(server: Server) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        future = client.async_embed(["a"] * 20, "m", batch_size=2)
        await until(lambda: server.statistics().requests_active == 10)
        assert future.cancel()
        assert not future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert future.cancelled()
        await until(lambda: server.statistics().requests_aborted == 10)

    asyncio.run(main())


@pytest.mark.parametrize("wrapped", [False, True])
def test_cancel_of_a_task(server: Server, wrapped: bool) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")

        async def call() -> Any:
            return await client.async_batch_post("/x", [1, 2, 3])

        task = asyncio.create_task(call() if wrapped else client.async_batch_post("/x", [1, 2, 3]))
        await asyncio.sleep(0.01)
        await until(lambda: server.statistics().requests_active == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.statistics().requests_aborted == 3)

    asyncio.run(main())


def test_cancel_of_a_task_before_its_first_step(server: Server, eventually: Any) -> None:
    # A call starts at once, so even a task that never ran has something to abort.
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        task = asyncio.create_task(client.async_batch_post("/x", [1, 2, 3]))
        eventually(lambda: server.statistics().requests_active == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.statistics().requests_aborted == 3)

    asyncio.run(main())


def test_what_is_queued_is_not_sent(server: Server) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        future = client.async_batch_post("/x", list(range(1000)), max_concurrent_requests=5)
        await until(lambda: server.statistics().requests_active == 5)
        future.cancel()
        await until(lambda: server.statistics().requests_aborted == 5)
        # Another call on the same client: had anything been queued, it would have gone before.
        await PerformanceClient(server.url, "k").async_batch_post("/x", [1])

    asyncio.run(main())
    assert server.statistics().requests == 6


def test_a_waiting_retry_is_forgotten(server: Server) -> None:
    async def cancelled() -> None:
        client = PerformanceClient(server.faulty(status=429), "k")
        future = client.async_batch_post("/x", [1], RequestProcessingPreference(initial_backoff_ms=400))
        await until(lambda: server.statistics().requests >= 1)
        future.cancel()
        await asyncio.gather(future, return_exceptions=True)

    async def main() -> None:
        await cancelled()
        while server.statistics().requests > 1:  # on a busy machine the retry was quicker
            server.reset()
            await cancelled()
        await asyncio.sleep(0.7)

    asyncio.run(main())
    assert server.statistics().requests == 1


def test_the_client_and_other_calls_go_on(server: Server) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True, containing="slow"), "k")
        others = [client.async_batch_post("/x", list(range(50))) for _ in range(5)]
        for _ in range(5):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.async_batch_post("/x", ["slow"] * 3), 0.1)
        assert [response.data for response in await asyncio.gather(*others)] == [list(range(50))] * 5
        assert (await client.async_batch_post("/x", [1])).data == [1]

    asyncio.run(main())


def test_right_after_the_start(server: Server) -> None:
    # Cancelled while the native loop is between looking at its inbox and going to sleep: it must not sleep for long.
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        for step in range(100):
            future = client.async_batch_post("/x", [1, 2, 3])
            await asyncio.sleep(0.0002 * (step % 20))
            future.cancel()
            await until(lambda: server.statistics().requests_active == 0)

    asyncio.run(main())


def test_at_any_moment(server: Server) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(latency=0.004), "k")
        for step in range(60):
            future = client.async_embed(["a"] * 40, "m", batch_size=1, max_concurrent_requests=8)
            for _ in range(step % 20):
                await asyncio.sleep(0.001)
            future.cancel()
            await asyncio.gather(future, return_exceptions=True)
        assert len((await client.async_embed(["a"] * 40, "m")).data) == 40
        await until(lambda: server.statistics().requests_active == 0)

    asyncio.run(main())


def test_one_failure_in_a_gather_leaves_the_others(server: Server) -> None:
    async def main() -> list[Any]:
        client = PerformanceClient(server.faulty(status=400, containing="bad"), "k")
        calls = [client.async_batch_post("/x", ["bad" if i == 3 else i]) for i in range(10)]
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found.pop(3), OSError)
    assert [response.data[0] for response in found] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_the_end_of_asyncio_run_cancels(server: Server, eventually: Any) -> None:
    async def forever(client: PerformanceClient) -> None:
        await client.async_batch_post("/x", [1, 2])

    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        background = asyncio.create_task(forever(client))
        await until(lambda: server.statistics().requests_active == 2)
        assert not background.done()

    asyncio.run(main())
    eventually(lambda: server.statistics().requests_aborted == 2)
