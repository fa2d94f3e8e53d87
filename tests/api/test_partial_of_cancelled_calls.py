"""asyncio.CancelledError, and the TimeoutError that comes of it, hold the answers that had arrived as `partial`."""

from __future__ import annotations

import asyncio
import gc
import pickle
import sys
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.partial import Partial
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding

PAYLOADS: list[Any] = ["a", "stalled", "b", "stalled", "c"]
EXPECTED: list[Any] = ["a", None, "b", None, "c"]
Main = Callable[[Any], Coroutine[Any, Any, None]]


def with_uvloop(main: Coroutine[Any, Any, None]) -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()


@pytest.fixture(params=[asyncio.run, with_uvloop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, poller: str) -> Callable[[Coroutine[Any, Any, None]], None]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def client(server: Server) -> PerformanceClient:
    return PerformanceClient(server.faulty(stall=True, containing="stalled"), "k")


@pytest.fixture
def answered(server: Server, client: PerformanceClient) -> Callable[..., Coroutine[Any, Any, None]]:
    """Wait until all but the requests that the server stalls have been answered, and the answers have been read."""

    async def wait(requests: int = 5, stalled: int = 2, client: PerformanceClient = client) -> None:
        for _ in range(2000):
            seen = server.statistics()
            if seen.requests >= requests and seen.requests_active == stalled:
                break
            await asyncio.sleep(0.005)
        else:
            raise AssertionError("not within 10 s")
        # The client has one loop. When it begins the second call, it has read whatever was there before the end of the
        # first.
        for _ in range(2):
            await client.async_batch_post("/x", ["after that"])

    return wait


@pytest.mark.parametrize("again", [False, True])
def test_the_future(client: PerformanceClient, run: Any, answered: Any, again: bool) -> None:
    async def main() -> None:
        future = client.async_batch_post("/x", PAYLOADS)
        await answered()
        assert future.cancel("why") and future.cancelled() and future.done()
        for _ in range(2):
            with pytest.raises(asyncio.CancelledError) as caught:
                await future
            assert type(caught.value) is asyncio.CancelledError and caught.value.args == ("why",)
            assert caught.value.partial == EXPECTED  # type: ignore[attr-defined]
        for ask in (future.result, future.exception):
            with pytest.raises(asyncio.CancelledError) as caught:
                ask()
            assert caught.value.partial == EXPECTED  # type: ignore[attr-defined]

    run(main())


def test_all_operations(client: PerformanceClient, run: Any, answered: Any) -> None:
    async def main() -> None:
        calls: list[tuple[Any, Callable[[Any], Any], list[Any]]] = [
            (client.async_embed(PAYLOADS, "m", batch_size=1), lambda item: item.embedding, [
                None if text is None else embedding(text).tolist() for text in EXPECTED]),
            (client.async_rerank("q", PAYLOADS, return_text=True, batch_size=1), lambda item: item.text, EXPECTED),
            (client.async_classify(PAYLOADS, batch_size=1), lambda item: [type(label) for label in item], []),
        ]  # fmt: skip
        await answered(15, 6)
        for future, value, expected in calls:
            future.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await future
            partial = caught.value.partial  # type: ignore[attr-defined]
            assert [item is None for item in partial] == [item is None for item in EXPECTED]
            if expected:
                assert [None if item is None else value(item) for item in partial] == expected

    run(main())


@pytest.mark.parametrize("form", ["coroutine", "future", "inner"])
def test_a_task(client: PerformanceClient, run: Any, answered: Any, form: str) -> None:
    async def main() -> None:
        inside: list[Any] = []

        async def call() -> Any:
            try:
                return await client.async_batch_post("/x", PAYLOADS)
            except asyncio.CancelledError as cancelled:
                inside.append(cancelled.partial)  # type: ignore[attr-defined]
                raise

        made: Any = client.async_batch_post("/x", PAYLOADS) if form == "future" else call()
        task = asyncio.create_task(made)
        await answered()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        if form != "future":
            assert inside == [EXPECTED]
        # Before 3.11 a task makes an error of its own, in the context of what went through it.
        error: Any = caught.value if sys.version_info >= (3, 11) else caught.value.__context__
        assert error.partial == EXPECTED

    run(main())


def test_a_task_before_its_first_step(client: PerformanceClient, run: Any, server: Server, eventually: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(client.async_batch_post("/x", PAYLOADS))  # type: ignore[arg-type]
        eventually(lambda: server.statistics().requests == 5 and server.statistics().requests_active == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        error: Any = caught.value if sys.version_info >= (3, 11) else caught.value.__context__
        assert len(error.partial) == 5 and error.partial[1] is None

    run(main())


def test_wait_for(client: PerformanceClient, run: Any, answered: Any) -> None:
    async def main() -> None:
        future = client.async_batch_post("/x", PAYLOADS)
        await answered()
        with pytest.raises(asyncio.TimeoutError) as caught:
            await asyncio.wait_for(future, 0.01)
        cause: Any = caught.value.__cause__
        assert type(cause) is asyncio.CancelledError and cause.partial == EXPECTED

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout and TaskGroup are of 3.11")
def test_timeout_and_task_group(client: PerformanceClient, run: Any, answered: Any) -> None:
    async def main() -> None:
        future = client.async_batch_post("/x", PAYLOADS)
        await answered()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await future
        cause: Any = caught.value.__cause__
        assert cause.partial == EXPECTED

        async def failing() -> None:
            await answered(12)
            raise KeyError

        inside: list[Any] = []
        with pytest.raises(BaseException) as group:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(failing())
                try:
                    await client.async_batch_post("/x", PAYLOADS)
                except asyncio.CancelledError as cancelled:
                    inside.append(cancelled.partial)  # type: ignore[attr-defined]
                    raise
        assert inside == [EXPECTED]
        assert [type(error) for error in group.value.exceptions] == [KeyError]  # type: ignore[attr-defined]

    run(main())


def test_gather(client: PerformanceClient, run: Any, answered: Any) -> None:
    async def main() -> None:
        other = client.async_batch_post("/x", [1])
        assert (await other).data == [1]
        gathered = asyncio.gather(client.async_batch_post("/x", PAYLOADS), other)
        await answered()
        gathered.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await gathered
        assert caught.value.partial == EXPECTED  # type: ignore[attr-defined]

    run(main())


def test_nothing_is_made_before_it_is_read(client: PerformanceClient, answered: Any) -> None:
    async def main() -> None:
        future: Any = client.async_batch_post("/x", PAYLOADS)
        operation = future.call._operation
        await answered()
        future.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await future
        # Fewer than 64 answers are not announced one by one: these five had come, and nobody had looked at them.
        assert operation.response(0.0, None).data == [None] * 5
        partial = caught.value.partial  # type: ignore[attr-defined]
        assert type(partial) is Partial and list(partial) == EXPECTED
        assert type(pickle.loads(pickle.dumps(partial))) is list

    asyncio.run(main())


def test_no_client_is_kept_alive(server: Server, answered: Any) -> None:
    async def cancelled() -> tuple[BaseException, weakref.ref[PerformanceClient], weakref.ref[Any]]:
        client = PerformanceClient(server.faulty(stall=True, containing="stalled"), "k")
        future = client.async_batch_post("/x", PAYLOADS)
        await answered(client=client)
        future.cancel()
        try:
            await future
        except asyncio.CancelledError as error:
            return error.with_traceback(None), weakref.ref(client), weakref.ref(future)
        raise AssertionError("not cancelled")

    async def main() -> None:
        error, client, future = await cancelled()
        # The event loop hears of the end of the call in a later turn.
        for _ in range(100):
            if client() is None and future() is None:
                break
            await asyncio.sleep(0.01)
        assert client() is None and future() is None
        assert error.partial == EXPECTED  # type: ignore[attr-defined]

    gc.collect()
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_a_call_that_ends_well_stays_what_it_was(client: PerformanceClient, run: Any) -> None:
    async def main() -> None:
        future = client.async_batch_post("/x", [1])
        kind = type(future)
        assert (await future).data == [1]
        assert not future.cancel() and type(future) is kind and future.result().data == [1]
        assert kind.__await__ is asyncio.Future.__await__ and kind.result is asyncio.Future.result

    run(main())
