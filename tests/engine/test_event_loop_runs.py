"""An event loop runs the engine's loop for a small operation; what else is wanted of that loop is done all the same."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import OperationCancelled, PerformanceClient
from baseten_perf.errors import Timeout
from baseten_perf.execution.asynchronous import dispatcher_of
from baseten_perf.testing import Server

Eventually = Callable[..., None]


@pytest.fixture
def client(server: Server, poller: str) -> PerformanceClient:
    return PerformanceClient(server.faulty(stall=True, containing="stalled"), "k")


def attends(poller: str) -> bool:
    """Whether there is epoll."""
    return poller == "native" and sys.platform == "linux"


@pytest.fixture
def begin(poller: str) -> Callable[..., Any]:
    """Begin a call of one request, which the event loop attends where there is epoll."""

    def make(client: PerformanceClient, payload: Any, **options: Any) -> Any:
        future = client.async_batch_post("/same", [payload], **options)
        assert dispatcher_of(asyncio.get_running_loop()).mailbox.attending == attends(poller)
        return future

    return make


def test_one_after_another(client: PerformanceClient, poller: str) -> None:
    async def main() -> None:
        attended = 0
        for i in range(300):
            future = client.async_batch_post("/same", [i])
            attended += dispatcher_of(asyncio.get_running_loop()).mailbox.attending
            assert (await future).data == [i]
        assert (attended > 0) == attends(poller)

    asyncio.run(main())


def test_its_time_out_comes(client: PerformanceClient, begin: Callable[..., Any]) -> None:
    async def main() -> None:
        with pytest.raises(Timeout):
            await begin(client, "stalled", timeout_s=0.2, max_retries=0)

    asyncio.run(main())


@pytest.mark.parametrize("faults", [{"latency": 0.05}, {"status": 503, "times": 1}], ids=["response", "retry"])
def test_a_blocked_event_loop(
    server: Server, begin: Callable[..., Any], eventually: Eventually, faults: dict[str, Any]
) -> None:
    """The loop's thread comes instead."""
    client = PerformanceClient(server.faulty(**faults), "k")

    async def main() -> None:
        future = begin(client, "answered", initial_backoff_ms=50)
        eventually(lambda: future.call.handle.over)
        assert not future.done()
        assert (await future).data == ["answered"]

    asyncio.run(main())


def test_a_caller_in_another_thread(client: PerformanceClient, begin: Callable[..., Any]) -> None:
    async def main() -> None:
        stalled = begin(client, "stalled")
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.extend(client.batch_post("/same", [1, 2]).data))
        thread.start()
        thread.join(30)  # this event loop is blocked meanwhile
        assert answers == [1, 2] and not stalled.done()
        assert (await client.async_batch_post("/same", [3])).data == [3]
        stalled.cancel()

    asyncio.run(main())


def test_two_event_loops(client: PerformanceClient) -> None:
    def run(first: int) -> None:
        async def main() -> None:
            for i in range(first, first + 200):
                assert (await client.async_batch_post("/same", [i])).data == [i]

        try:
            asyncio.run(main())
            ended.append(first)
        except BaseException as error:  # told in the main thread
            ended.append(error)

    ended: list[Any] = []
    threads = [threading.Thread(target=run, args=(first,)) for first in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(ended) == {0, 1000}


def test_cancelled(
    server: Server, client: PerformanceClient, begin: Callable[..., Any], eventually: Eventually
) -> None:
    async def main() -> None:
        aborted = server.statistics().requests_aborted
        future = begin(client, "stalled")
        eventually(lambda: server.statistics().requests_active == 1)
        future.cancel()
        eventually(lambda: server.statistics().requests_aborted == aborted + 1)
        assert (await client.async_batch_post("/same", [1])).data == [1]

    asyncio.run(main())


def test_a_client_that_is_closed(client: PerformanceClient, begin: Callable[..., Any]) -> None:
    async def main() -> None:
        future = begin(client, "stalled")
        client.close()
        with pytest.raises(OperationCancelled):
            await asyncio.wait_for(future, 30)

    asyncio.run(main())


def test_an_event_loop_that_is_closed(client: PerformanceClient, begin: Callable[..., Any]) -> None:
    async def main() -> Any:
        return begin(client, "stalled")

    loop = asyncio.new_event_loop()
    future = loop.run_until_complete(main())
    loop.close()
    assert client.batch_post("/same", [1]).data == [1]
    del future, loop
    gc.collect()

    async def again() -> None:
        assert (await client.async_batch_post("/same", [2])).data == [2]

    asyncio.run(again())


def test_an_idle_connection_that_ends_wakes_no_event_loop(
    server: Server, poller: str, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    wakings = []
    add_reader = asyncio.SelectorEventLoop.add_reader

    def add_counted(loop: asyncio.SelectorEventLoop, descriptor: int, callback: Callable[[], object]) -> None:
        add_reader(loop, descriptor, lambda: (wakings.append(1), callback()))

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", add_counted)

    async def main(client: PerformanceClient) -> None:
        assert (await client.async_batch_post("/same", [1])).data == [1]
        eventually(lambda: server.statistics().connections_open == 0)
        wakings.clear()
        for _ in range(500):
            await asyncio.sleep(0)
        assert len(wakings) <= 20

    asyncio.run(main(PerformanceClient(server.faulty(close_after=True), "k")))


@pytest.mark.parametrize("seed", range(8))
def test_counted_random_steps(server: Server, client: PerformanceClient, seed: int) -> None:
    chance = random.Random(seed)
    clients = [client, PerformanceClient(server.url, "k"), PerformanceClient(server.url, "k", http_version=1)]

    async def step(number: int) -> None:
        other = chance.choice(clients)
        kind = chance.randrange(7)
        if kind <= 1:
            assert (await other.async_batch_post("/same", [number])).data == [number]
        elif kind == 2:
            many = [other.async_batch_post("/same", [number + k]) for k in range(chance.randrange(2, 12))]
            assert [answer.data for answer in await asyncio.gather(*many)] == [[number + k] for k in range(len(many))]
        elif kind == 3:
            assert (await asyncio.to_thread(other.batch_post, "/same", [number])).data == [number]
        elif kind == 4:
            assert other.batch_post("/same", [number, number]).data == [number, number]
        elif kind == 5:
            future = client.async_batch_post("/same", ["stalled"])
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            future.cancel()
        else:
            with pytest.raises(Timeout):
                await client.async_batch_post("/same", ["stalled"], timeout_s=0.1, max_retries=0)

    async def main() -> None:
        for number in range(60):
            await asyncio.wait_for(step(number), 30)

    asyncio.run(main())
