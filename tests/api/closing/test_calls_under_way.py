"""Closing a client aborts its calls that are under way, wherever that is done; they say so, with what has arrived."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")

Eventually = Callable[..., None]
Make = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(12)]


def test_a_blocked_caller(
    server: Server, eventually: Eventually, name: str, method: Make, calling: Make, active: Make
) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = calling(lambda: method(client, ""))
    with active(12):
        client.close()
    error = caller.ended()
    assert type(error) is OperationCancelled
    assert str(error) == f"Operation cancelled by PerformanceClient.close(): {name} had answers to 0 of 12 requests"
    assert error.partial == [None] * 12
    # Whoever keeps the exception keeps no connection.
    eventually(lambda: server.statistics().connections_open == 0)


def test_an_awaiting_caller(server: Server, eventually: Eventually, name: str, method: Make) -> None:
    async def main() -> Any:
        client = PerformanceClient(server.faulty(stall=True), "k")
        future = method(client, "async_")
        await asyncio.to_thread(eventually, lambda: server.statistics().requests_active == 12)
        client.close()
        with pytest.raises(OperationCancelled) as caught:
            await future
        return caught.value

    error = asyncio.run(main())
    assert str(error) == f"Operation cancelled by PerformanceClient.close(): {name} had answers to 0 of 12 requests"
    assert error.partial == [None] * 12
    eventually(lambda: server.statistics().requests_aborted == 12)
    eventually(lambda: server.statistics().connections_open == 0)


def test_tasks_at_the_end_of_the_block(server: Server, eventually: Eventually) -> None:
    async def main() -> list[Any]:
        async with PerformanceClient(server.faulty(stall=True), "k") as client:
            tasks = [asyncio.create_task(client.async_batch_post("/x", [n])) for n in range(3)]
            await asyncio.to_thread(eventually, lambda: server.statistics().requests_active == 3)
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(error) for error in asyncio.run(main())] == [OperationCancelled] * 3


@pytest.mark.parametrize("requests", [1, 5])
def test_a_call_of_few_requests(server: Server, requests: int, calling: Make, active: Make) -> None:
    """Its caller may run the loop itself."""
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = calling(lambda: client.batch_post("/x", list(range(requests))))
    with active(requests):
        client.close()
    assert type(caller.ended()) is OperationCancelled


def test_what_has_arrived_is_there(server: Server, eventually: Eventually, calling: Make) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="stays"), "k")
    # One after the other: when the third is under way the answers to the others have arrived.
    caller = calling(lambda: client.batch_post("/x", ["a", "b", "stays", "c"], max_concurrent_requests=1))
    eventually(lambda: server.statistics().requests == 3)
    client.close()
    error = caller.ended()
    assert error.partial == ["a", "b", None, None]
    assert str(error).endswith("batch_post had answers to 2 of 4 requests")


def test_in_a_callback(server: Server) -> None:
    async def main() -> list[Any]:
        client = PerformanceClient(server.faulty(stall=True, containing="stays"), "k")
        staying = client.async_batch_post("/x", ["stays"])
        first = client.async_batch_post("/x", ["a"])
        first.add_done_callback(lambda future: client.close())
        return await asyncio.gather(first, staying, return_exceptions=True)

    first, staying = asyncio.run(main())
    assert first.data == ["a"] and type(staying) is OperationCancelled


def test_in_a_signal_handler(server: Server, eventually: Eventually, calling: Make) -> None:
    """Which interrupts a blocking call of the same client."""
    client = PerformanceClient(server.faulty(stall=True), "k")
    before = signal.signal(signal.SIGUSR1, lambda number, frame: client.close())

    def interrupt() -> None:
        eventually(lambda: server.statistics().requests_active == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    helper = calling(interrupt)
    try:
        with pytest.raises(OperationCancelled, match=r"PerformanceClient.close\(\)"):
            client.batch_post("/x", [1])
    finally:
        assert helper.ended() is None
        signal.signal(signal.SIGUSR1, before)


def test_while_many_threads_call(server: Server, calling: Make, expect_closed: Make) -> None:
    """Each call ends with its answers, cancelled, or not begun, and nothing is sent after that."""
    client = PerformanceClient(server.faulty(latency=0.002), "k")
    answered = threading.Semaphore(0)
    ends: list[str] = []

    def call_without_end() -> None:
        while True:
            try:
                assert client.batch_post("/x", TEXTS, max_concurrent_requests=4).data == TEXTS
            except OperationCancelled as error:
                partial: list[Any] = error.partial  # type: ignore[attr-defined]
                assert all(item in (None, text) for item, text in zip(partial, TEXTS, strict=True))
                ends.append("cancelled")
                return
            except RuntimeError as error:
                ends.append(str(error))
                return
            answered.release()

    callers = [calling(call_without_end) for _ in range(8)]
    for _ in range(40):
        assert answered.acquire(timeout=20.0)
    client.close()
    for caller in callers:
        assert caller.ended() is None
    assert len(ends) == 8 and set(ends) <= {"cancelled", "PerformanceClient is closed"}
    requests = server.statistics().requests
    expect_closed(client)
    assert server.statistics().requests == requests


def test_threads_that_close_at_once(server: Server, eventually: Eventually, calling: Make) -> None:
    for _ in range(10):
        client = PerformanceClient(server.faulty(stall=True), "k")
        caller = calling(lambda client=client: client.batch_post("/x", TEXTS))
        eventually(lambda: server.statistics().requests_active == 12)
        for closer in [calling(client.close) for _ in range(4)]:
            assert closer.ended() is None
        assert type(caller.ended()) is OperationCancelled
        eventually(lambda: server.statistics().requests_active == 0)


def test_a_token_comes_first(server: Server, calling: Make, active: Make) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = calling(lambda: client.batch_post("/x", TEXTS, cancel_token=token))
    with active(12):
        token.cancel()
    assert "by token" in str(caller.ended())
    client.close()


def test_a_fallback_from_base64(server: Server, eventually: Eventually, calling: Make) -> None:
    """The call that is made in place of a refused one is the client's too."""
    faults = {"status": 400, "containing": '"encoding_format":"base64"'}
    client = PerformanceClient(
        f"{server.faulty(**faults)}{server.faulty(stall=True).removeprefix(server.url)}", "k", prefer_base64=True
    )
    caller = calling(lambda: client.embed(["a"], "m"))
    eventually(lambda: server.statistics().requests == 2 and server.statistics().requests_active == 1)
    client.close()
    assert type(caller.ended()) is OperationCancelled
