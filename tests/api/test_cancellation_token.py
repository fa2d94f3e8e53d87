"""CancellationToken in calls: before, while and after they run, blocking and asynchronous, one or several."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(12)]
Eventually = Callable[..., None]

METHODS: dict[str, Callable[..., Any]] = {
    "embed": lambda client, twin, **given: getattr(client, f"{twin}embed")(TEXTS, "m", **given),
    "rerank": lambda client, twin, **given: getattr(client, f"{twin}rerank")("q", TEXTS, **given),
    "classify": lambda client, twin, **given: getattr(client, f"{twin}classify")(TEXTS, **given),
    "batch_post": lambda client, twin, **given: getattr(client, f"{twin}batch_post")("/x", TEXTS, **given),
    "batch_system_one": lambda client, twin, **given: getattr(client, f"{twin}batch_system_one")(TEXTS, **given),
}
methods = pytest.mark.parametrize(("name", "method"), METHODS.items(), ids=METHODS.keys())


def options(token: CancellationToken, **fields: Any) -> RequestProcessingPreference:
    return RequestProcessingPreference(cancel_token=token, batch_size=2, **fields)


@pytest.fixture
def stalled(server: Server) -> PerformanceClient:
    """A client whose requests never get an answer."""
    return PerformanceClient(server.faulty(stall=True), "k")


class Cancelling:
    """Cancels a token, in another thread, once a number of requests has arrived at the server."""

    def __init__(self, token: CancellationToken, server: Server, eventually: Eventually, requests: int) -> None:
        self._thread = threading.Thread(target=self._run, args=(token, server, eventually, requests))

    @staticmethod
    def _run(token: CancellationToken, server: Server, eventually: Eventually, requests: int) -> None:
        eventually(lambda: server.statistics().requests_active >= requests)
        token.cancel()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._thread.join()


@methods
def test_a_blocking_call_is_aborted_on_the_wire(
    stalled: PerformanceClient, server: Server, eventually: Eventually, poller: str, name: str, method: Any
) -> None:
    token = CancellationToken()
    requests = 12 if name.startswith("batch") else 6
    client = PerformanceClient(server.faulty(stall=True), "k")
    with Cancelling(token, server, eventually, requests), pytest.raises(OperationCancelled) as caught:
        method(client, "", preference=options(token))
    assert str(caught.value) == f"Operation cancelled by token: {name} had answers to 0 of {requests} requests"
    assert isinstance(caught.value, ValueError)
    assert caught.value.partial == [None] * 12  # type: ignore[attr-defined]
    eventually(lambda: server.statistics().requests_aborted == requests, 2.0)
    assert token.is_cancelled()


@methods
def test_an_asynchronous_call_is_aborted_on_the_wire(
    server: Server, eventually: Eventually, poller: str, name: str, method: Any
) -> None:
    token = CancellationToken()
    requests = 12 if name.startswith("batch") else 6
    client = PerformanceClient(server.faulty(stall=True), "k")

    async def call() -> None:
        future = method(client, "async_", preference=options(token))
        with pytest.raises(OperationCancelled, match=f"^Operation cancelled by token: {name} had answers to 0 of"):
            await future
        assert future.exception().partial == [None] * 12
        assert not future.cancelled()

    with Cancelling(token, server, eventually, requests):
        asyncio.run(call())
    eventually(lambda: server.statistics().requests_aborted == requests, 2.0)


@methods
def test_with_a_cancelled_token_nothing_is_sent(
    client: PerformanceClient, server: Server, name: str, method: Any
) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(OperationCancelled, match=f"^Operation cancelled by token: {name} was not started"):
        method(client, "", preference=options(token))

    async def call() -> BaseException | None:
        future = method(client, "async_", preference=options(token))
        (found,) = await asyncio.gather(future, return_exceptions=True)
        return found  # type: ignore[no-any-return]

    failure = asyncio.run(call())
    assert type(failure) is OperationCancelled and failure.partial == [None] * 12  # type: ignore[attr-defined]
    assert server.statistics().requests == 0 and server.statistics().connections_opened == 0


def test_wrong_inputs_are_told_before_a_cancelled_token(client: PerformanceClient) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(ValueError, match="Input list cannot be empty"):
        client.embed([], "m", preference=options(token))


def test_the_answers_that_had_arrived_are_kept(server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(stall=True, containing="text 11"), "k")

    def cancel() -> None:
        # One request at a time: when the last one has come, the answers to the others have been read.
        eventually(lambda: server.statistics().requests == 6)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(OperationCancelled, match="had answers to 5 of 6 requests") as caught:
        client.embed(TEXTS, "m", preference=options(token), max_concurrent_requests=1)
    thread.join()
    partial = caught.value.partial  # type: ignore[attr-defined]
    assert [item is None for item in partial] == [i >= 10 for i in range(12)]
    expected = PerformanceClient(server.url, "k").embed(TEXTS, "m").data
    assert [item.embedding for item in partial if item] == [
        item.embedding for item in expected[:10]
    ]


def test_one_token_stops_calls_of_both_kinds_in_several_threads(
    stalled: PerformanceClient, server: Server, eventually: Eventually
) -> None:
    token = CancellationToken()
    failures: list[BaseException] = []

    def block() -> None:
        try:
            stalled.embed(TEXTS, "m", preference=options(token))
        except ValueError as failure:
            failures.append(failure)

    async def gather() -> None:
        calls = [stalled.async_batch_post("/x", TEXTS, options(token)) for _ in range(3)]
        failures.extend(await asyncio.gather(*calls, return_exceptions=True))  # type: ignore[arg-type]

    threads = [threading.Thread(target=block) for _ in range(3)]
    threads.append(threading.Thread(target=lambda: asyncio.run(gather())))
    for thread in threads:
        thread.start()
    with Cancelling(token, server, eventually, 3 * 6 + 3 * 12):
        for thread in threads:
            thread.join()
    assert [type(failure) for failure in failures] == [OperationCancelled] * 6
    eventually(lambda: server.statistics().requests_aborted == 3 * 6 + 3 * 12, 2.0)


def test_calls_without_the_token_go_on(server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    slow = PerformanceClient(server.faulty(latency=0.5), "k")
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(slow.batch_post("/x", TEXTS).data))
    thread.start()
    with Cancelling(token, server, eventually, 24), pytest.raises(OperationCancelled):
        slow.batch_post("/x", TEXTS, options(token, timeout_s=60))
    thread.join()
    assert answers == [TEXTS]


def test_no_call_ever_sets_a_token(server: Server, client: PerformanceClient) -> None:
    token = CancellationToken()
    preference = options(token, max_retries=0)
    for _ in range(3):
        assert client.batch_post("/x", TEXTS, preference).data == TEXTS
        assert asyncio.run(awaited(lambda: client.async_batch_post("/x", TEXTS, preference))).data == TEXTS
    failing = PerformanceClient(server.faulty(status=500), "k")
    with pytest.raises(Exception, match="500"):
        failing.batch_post("/x", TEXTS, preference)
    with pytest.raises(Exception, match="500"):
        asyncio.run(awaited(lambda: failing.async_batch_post("/x", TEXTS, preference)))
    assert not token.is_cancelled()


async def awaited(call: Callable[[], Any]) -> Any:
    return await call()


def test_the_client_and_its_connections_go_on(server: Server, eventually: Eventually) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="stop"), "k")
    assert client.batch_post("/x", ["go"]).data == ["go"]
    for _ in range(3):
        token = CancellationToken()
        with Cancelling(token, server, eventually, 1), pytest.raises(OperationCancelled):
            client.batch_post("/x", ["stop"], options(token))
        assert client.batch_post("/x", ["go"], options(CancellationToken())).data == ["go"]
        eventually(lambda: server.statistics().requests_active == 0)


def test_a_waiting_retry_is_cancelled(server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(status=503, retry_after=60), "k")

    def cancel() -> None:
        eventually(lambda: server.statistics().requests == 1 and server.statistics().requests_active == 0)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(OperationCancelled):
        client.batch_post("/x", [1], options(token))
    thread.join()
    assert server.statistics().requests == 1


def test_queued_requests_are_not_sent(stalled: PerformanceClient, server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    with Cancelling(token, server, eventually, 4), pytest.raises(OperationCancelled, match="answers to 0 of 5000"):
        stalled.batch_post("/x", list(range(5000)), options(token, max_concurrent_requests=4))
    eventually(lambda: server.statistics().requests_active == 0, 2.0)
    assert server.statistics().requests == 4


def test_a_signal_handler_may_cancel(server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(stall=True), "k")

    def ring() -> None:
        eventually(lambda: server.statistics().requests_active == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda number, frame: token.cancel())
    thread = threading.Thread(target=ring)
    try:
        thread.start()
        with pytest.raises(OperationCancelled):
            client.batch_post("/x", [1], options(token))
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_cancelled_in_the_event_loop_s_own_thread(stalled: PerformanceClient, server: Server) -> None:
    token = CancellationToken()

    async def call() -> None:
        future = stalled.async_embed(TEXTS, "m", preference=options(token))
        asyncio.get_running_loop().call_soon(token.cancel)
        with pytest.raises(OperationCancelled):
            await future

    asyncio.run(call())


def test_cancelling_the_future_is_no_matter_of_the_token(stalled: PerformanceClient) -> None:
    token = CancellationToken()

    async def call() -> None:
        future = stalled.async_embed(TEXTS, "m", preference=options(token))
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future

    asyncio.run(call())
    assert not token.is_cancelled() and not token._signal.calls


def test_cancelling_afterwards_changes_nothing(client: PerformanceClient) -> None:
    token = CancellationToken()
    response = client.batch_post("/x", TEXTS, options(token))
    token.cancel()
    assert response.data == TEXTS


def test_a_token_keeps_nothing_of_calls_that_are_over(server: Server, client: PerformanceClient) -> None:
    token = CancellationToken()
    failing = PerformanceClient(server.faulty(status=400), "k")
    for _ in range(20):
        client.batch_post("/x", [1], options(token))
        asyncio.run(awaited(lambda: client.async_batch_post("/x", [1], options(token))))
        with pytest.raises(Exception, match="400"):
            failing.batch_post("/x", [1], options(token))
    gc.collect()
    assert not token._signal.calls


def test_a_failure_that_came_first_is_told(server: Server) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(status=404), "k")

    async def call() -> None:
        future = client.async_batch_post("/x", [1], options(token))
        with pytest.raises(Exception, match="404"):
            await future
        token.cancel()
        assert "404" in str(future.exception())

    asyncio.run(call())
