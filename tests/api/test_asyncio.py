"""asyncio: thousands of calls at once, tasks, several event loops, uvloop, and loops that end early."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

pytestmark = pytest.mark.usefixtures("poller")


def run_with_uvloop(main: Any) -> Any:
    uvloop = pytest.importorskip("uvloop")
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


every_loop = pytest.mark.parametrize("run", [asyncio.run, run_with_uvloop], ids=["asyncio", "uvloop"])


@every_loop
def test_gather_of_thousands(server: Server, run: Callable[[Any], Any]) -> None:
    async def main() -> list[Any]:
        client = PerformanceClient(server.url, "k")
        return await asyncio.gather(*(client.async_batch_post("/x", [i]) for i in range(3000)))

    assert [response.data for response in run(main())] == [[i] for i in range(3000)]
    assert server.statistics().requests == 3000


@every_loop
def test_all_operations(server: Server, run: Callable[[Any], Any]) -> None:
    texts = [f"text {i}" for i in range(50)]
    client = PerformanceClient(server.url, "k")

    async def main() -> list[Any]:
        return await asyncio.gather(
            client.async_embed(texts, "m"),
            client.async_rerank("q", texts),
            client.async_classify(texts),
            client.async_batch_post("/x", texts),
        )

    embedded, reranked, classified, posted = run(main())
    assert numpy.array_equal(embedded.numpy(), embeddings(texts))
    assert reranked.data == client.rerank("q", texts).data
    assert classified.data == client.classify(texts).data
    assert posted.data == texts


@every_loop
def test_a_call_is_a_future_of_the_running_loop(server: Server, run: Callable[[Any], Any]) -> None:
    async def main() -> None:
        future = PerformanceClient(server.url, "k").async_batch_post("/x", [1])
        assert asyncio.isfuture(future)
        assert future.get_loop() is asyncio.get_running_loop()
        assert not future.done()
        called: list[Any] = []
        future.add_done_callback(called.append)
        assert (await future).data == [1]
        assert (await future).data == [1]
        await asyncio.sleep(0)
        assert called == [future]
        assert future.result().data == [1] and future.exception() is None

    run(main())


@every_loop
def test_it_starts_at_once(server: Server, eventually: Any, run: Callable[[Any], Any]) -> None:
    async def main() -> None:
        future = PerformanceClient(server.url, "k").async_batch_post("/x", [1])
        # Without giving way to the event loop.
        eventually(lambda: server.statistics().requests == 1)
        await future

    run(main())


@every_loop
def test_wait(server: Server, run: Callable[[Any], Any]) -> None:
    """asyncio.wait refuses coroutines; a future that was waited for can be awaited, and tasks of others be made."""

    async def main() -> None:
        client = PerformanceClient(server.url, "k")
        futures = [client.async_batch_post("/x", [i]) for i in range(10)]
        waiting = set(futures)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert done and all(future.result().data for future in done)
        assert [(await future).data[0] for future in futures] == list(range(10))
        done, waiting = await asyncio.wait([client.async_batch_post("/x", [10])])
        assert not waiting and len(done) == 1
        cancelled = client.async_batch_post("/x", [11])
        cancelled.cancel()
        done, waiting = await asyncio.wait([cancelled, asyncio.create_task(client.async_batch_post("/x", [12]))])
        assert not waiting and cancelled in done

    run(main())


@every_loop
def test_create_task(server: Server, run: Callable[[Any], Any]) -> None:
    async def main() -> None:
        client = PerformanceClient(server.url, "k")
        tasks = [asyncio.create_task(client.async_batch_post("/x", [i])) for i in range(10)]
        _, pending = await asyncio.wait(tasks)
        assert not pending
        assert [task.result().data for task in tasks] == [[i] for i in range(10)]
        failing = PerformanceClient(server.faulty(status=404), "k")
        with pytest.raises(requests.exceptions.HTTPError):
            await asyncio.create_task(failing.async_batch_post("/x", [1]))

    run(main())


def test_as_completed_and_shield(server: Server) -> None:
    async def main() -> set[int]:
        client = PerformanceClient(server.url, "k")
        futures = [client.async_batch_post("/x", [i]) for i in range(20)]
        found = {(await future).data[0] for future in asyncio.as_completed(futures)}
        found.add((await asyncio.shield(client.async_batch_post("/x", [20]))).data[0])
        return found

    assert asyncio.run(main()) == set(range(21))


def test_outside_a_loop(client: PerformanceClient, server: Server) -> None:
    for call in (
        lambda: client.async_embed(["a"], "m"),
        lambda: client.async_rerank("q", ["a"]),
        lambda: client.async_classify(["a"]),
        lambda: client.async_batch_post("/x", [1]),
    ):
        with pytest.raises(RuntimeError, match="no running event loop"):
            call()
    assert server.statistics().requests == 0


def test_one_client_in_loops_one_after_the_other(server: Server) -> None:
    client = PerformanceClient(server.url, "k")

    async def main(number: int) -> Any:
        return (await client.async_batch_post("/x", [number])).data

    assert [asyncio.run(main(number)) for number in range(20)] == [[number] for number in range(20)]


def test_a_loop_per_thread(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.01), "k")
    found: dict[int, Any] = {}

    async def main(number: int) -> Any:
        calls = [client.async_batch_post("/x", [[number, i]]) for i in range(50)]
        return [response.data[0] for response in await asyncio.gather(*calls)]

    def body(number: int) -> None:
        found[number] = asyncio.run(main(number))

    threads = [threading.Thread(target=body, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [[number, i] for i in range(50)] for number in range(16)}


def test_a_sync_call_inside_a_loop(server: Server) -> None:
    client = PerformanceClient(server.url, "k")

    async def main() -> list[Any]:
        pending = client.async_batch_post("/x", [1])
        blocking = client.batch_post("/x", [2])
        return [(await pending).data, blocking.data]

    assert asyncio.run(main()) == [[1], [2]]


def test_a_future_nobody_awaits_keeps_running(server: Server, eventually: Any) -> None:
    async def main() -> None:
        PerformanceClient(server.faulty(latency=0.1), "k").async_batch_post("/x", list(range(20)), 4)
        gc.collect()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if server.statistics().requests == 20:
                break

    asyncio.run(main())
    assert server.statistics().requests == 20
    eventually(lambda: server.statistics().requests_active == 0)
    assert server.statistics().requests_aborted == 0


@pytest.mark.filterwarnings("error")
def test_a_loop_closed_early_is_silent(server: Server, eventually: Any, capfd: pytest.CaptureFixture[str]) -> None:
    client = PerformanceClient(server.faulty(latency=0.2), "k")

    async def main() -> None:
        client.async_batch_post("/x", list(range(5)))

    for _ in range(3):
        asyncio.run(main())
        gc.collect()
    eventually(lambda: server.statistics().requests_active == 0)
    assert asyncio.run(awaited(client)) == [1]
    gc.collect()
    assert capfd.readouterr() == ("", "")


async def awaited(client: PerformanceClient) -> Any:
    return (await client.async_batch_post("/x", [1])).data


def test_context_variables(server: Server) -> None:
    import contextvars

    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")

    async def one(client: PerformanceClient, number: int) -> int:
        variable.set(number)
        await client.async_batch_post("/x", [number])
        return variable.get()

    async def main() -> list[int]:
        client = PerformanceClient(server.url, "k")
        return await asyncio.gather(*(asyncio.create_task(one(client, number)) for number in range(20)))

    assert asyncio.run(main()) == list(range(20))
