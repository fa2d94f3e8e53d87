"""Closing clients and pools: `close()`, `with`, `async with`; what becomes of calls under way, and of later ones."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import signal
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from baseten_perf import (
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
)
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")

Eventually = Callable[..., None]
Methods = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(12)]
METHODS: dict[str, Methods] = {
    "embed": lambda client, twin: getattr(client, f"{twin}embed")(TEXTS, "m", batch_size=1),
    "rerank": lambda client, twin: getattr(client, f"{twin}rerank")("q", TEXTS, batch_size=1),
    "classify": lambda client, twin: getattr(client, f"{twin}classify")(TEXTS, batch_size=1),
    "batch_post": lambda client, twin: getattr(client, f"{twin}batch_post")("/x", TEXTS),
    "batch_system_one": lambda client, twin: getattr(client, f"{twin}batch_system_one")(TEXTS),
}
methods = pytest.mark.parametrize(("name", "method"), METHODS.items(), ids=METHODS.keys())


class Caller:
    """A thread that blocks in a call; `error` is what it raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error

    def ended(self) -> Any:
        self._thread.join(20.0)
        assert not self._thread.is_alive()
        return self.error


@contextlib.contextmanager
def active(server: Server, eventually: Eventually, requests: int) -> Iterator[None]:
    eventually(lambda: server.statistics().requests_active == requests)
    yield
    eventually(lambda: server.statistics().requests_active == 0)
    assert server.statistics().requests_aborted == requests


def expect_closed(client: PerformanceClient, what: str = "PerformanceClient") -> None:
    """Every method says so, blocking or not, and sends nothing."""
    for method in METHODS.values():
        with pytest.raises(RuntimeError, match=f"^{what} is closed$"):
            method(client, "")

        async def awaited(method: Methods = method) -> None:
            await method(client, "async_")

        with pytest.raises(RuntimeError, match=f"^{what} is closed$"):
            asyncio.run(awaited())


def test_with(server: Server, eventually: Eventually) -> None:
    with PerformanceClient(server.url, "k") as client:
        assert client.batch_post("/x", [1]).data == [1] and not client.closed
    assert client.closed
    eventually(lambda: server.statistics().connections_open == 0)
    expect_closed(client)
    assert server.statistics().requests == 1


def test_async_with(server: Server, eventually: Eventually) -> None:
    async def main() -> PerformanceClient:
        async with PerformanceClient(server.url, "k") as client:
            assert (await client.async_batch_post("/x", [1])).data == [1]
        assert client.closed
        return client

    expect_closed(asyncio.run(main()))
    eventually(lambda: server.statistics().connections_open == 0)


def test_aclose(server: Server) -> None:
    async def main() -> PerformanceClient:
        async with contextlib.aclosing(PerformanceClient(server.url, "k")) as client:
            assert (await client.async_batch_post("/x", [1])).data == [1]
        await client.aclose()
        return client

    assert asyncio.run(main()).closed


def test_an_exception_in_the_block_goes_up(server: Server, eventually: Eventually) -> None:
    client = PerformanceClient(server.url, "k")
    with pytest.raises(KeyError), client:
        client.batch_post("/x", [1])
        raise KeyError
    assert client.closed
    eventually(lambda: server.statistics().connections_open == 0)


def test_closing_twice(server: Server) -> None:
    client, wrapper = PerformanceClient(server.url, "k"), HttpClientWrapper()
    for each in (client, wrapper):
        each.close()
        each.close()
        assert each.closed
        with pytest.raises(RuntimeError, match=f"^{type(each).__name__} is closed$"), each:
            pytest.fail("it was entered")


def test_a_closed_client_tells_what_it_was(server: Server) -> None:
    with PerformanceClient(f"{server.url}/a", "key") as client:
        pass
    assert (client.base_url, client.api_key) == (f"{server.url}/a", "key")
    assert repr(client) == f"PerformanceClient(base_url='{server.url}/a')"
    for impossible in (client.get_client_wrapper, lambda: pickle.dumps(client), lambda: copy.copy(client)):
        with pytest.raises(RuntimeError, match="PerformanceClient is closed"):
            impossible()


def test_a_closed_wrapper_is_good_for_nothing(server: Server) -> None:
    with HttpClientWrapper(2) as wrapper:
        pass
    assert repr(wrapper) == "HttpClientWrapper(http_version=2)" and wrapper.connect_timeout_s == 60.0
    for impossible in (
        lambda: PerformanceClient(server.url, "k", client_wrapper=wrapper),
        lambda: Endpoint(server.url, "k", wrapper),
        lambda: pickle.dumps(wrapper),
        lambda: copy.deepcopy(wrapper),
    ):
        with pytest.raises(RuntimeError, match="HttpClientWrapper is closed"):
            impossible()


@methods
def test_a_blocked_caller(server: Server, eventually: Eventually, name: str, method: Methods) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = Caller(lambda: method(client, ""))
    with active(server, eventually, 12):
        client.close()
    error = caller.ended()
    assert type(error) is OperationCancelled
    assert str(error) == f"Operation cancelled by PerformanceClient.close(): {name} had answers to 0 of 12 requests"
    assert error.partial == [None] * 12
    # Whoever keeps the exception keeps no connection.
    eventually(lambda: server.statistics().connections_open == 0)


@methods
def test_an_awaiting_caller(server: Server, eventually: Eventually, name: str, method: Methods) -> None:
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
def test_a_call_of_few_requests(server: Server, eventually: Eventually, requests: int) -> None:
    """Its caller may run the loop itself."""
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = Caller(lambda: client.batch_post("/x", list(range(requests))))
    with active(server, eventually, requests):
        client.close()
    assert type(caller.ended()) is OperationCancelled


def test_what_has_arrived_is_there(server: Server, eventually: Eventually) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="stays"), "k")
    # One after the other: when the third is under way the answers to the others have arrived.
    caller = Caller(lambda: client.batch_post("/x", ["a", "b", "stays", "c"], max_concurrent_requests=1))
    eventually(lambda: server.statistics().requests == 3)
    client.close()
    error = caller.ended()
    assert error.partial == ["a", "b", None, None]
    assert str(error).endswith("batch_post had answers to 2 of 4 requests")


def test_other_clients_of_the_pool_go_on(server: Server, eventually: Eventually) -> None:
    slow = server.faulty(latency=0.5)
    clients = [PerformanceClient(slow, "k") for _ in range(3)]
    clients.append(PerformanceClient(slow, "k", client_wrapper=clients[0].get_client_wrapper()))
    callers = [Caller(lambda client=client: client.batch_post("/x", TEXTS)) for client in clients]
    eventually(lambda: server.statistics().requests_active == 48)
    clients[0].close()
    assert type(callers[0].ended()) is OperationCancelled
    for caller, client in zip(callers[1:], clients[1:], strict=True):
        assert caller.ended() is None and caller.result.data == TEXTS
        assert client.batch_post("/x", [1]).data == [1]
    assert server.statistics().requests_aborted == 12


def test_a_wrapper_that_was_given_stays_open(server: Server) -> None:
    with HttpClientWrapper() as wrapper:
        with PerformanceClient(server.url, "k", client_wrapper=wrapper) as client:
            client.batch_post("/x", [1])
        assert client.closed and not wrapper.closed
        with PerformanceClient(server.url, "k", client_wrapper=wrapper) as client:
            client.batch_post("/x", [1])
    assert server.statistics().connections_opened == 1


def test_closing_a_wrapper(server: Server, eventually: Eventually) -> None:
    wrapper = HttpClientWrapper()
    clients = [PerformanceClient(server.faulty(stall=True), "k", client_wrapper=wrapper) for _ in range(2)]
    clients[0].close()
    callers = [Caller(lambda: clients[1].batch_post("/x", TEXTS)) for _ in range(2)]
    with active(server, eventually, 24):
        wrapper.close()
    for caller in callers:
        error = caller.ended()
        assert type(error) is OperationCancelled and error.partial == [None] * 12
        assert str(error).startswith("Operation cancelled by HttpClientWrapper.close(): batch_post had answers to 0 of")
    assert clients[1].closed
    expect_closed(clients[0])
    expect_closed(clients[1], "HttpClientWrapper")
    eventually(lambda: server.statistics().connections_open == 0)


def test_closing_the_wrapper_of_a_client_leaves_other_clients_alone(server: Server) -> None:
    first, second = PerformanceClient(server.url, "k"), PerformanceClient(server.url, "k")
    first.get_client_wrapper().close()
    expect_closed(first, "HttpClientWrapper")
    assert second.batch_post("/x", [1]).data == [1]


def test_closing_the_maker_of_a_wrapper_leaves_those_who_use_it_alone(server: Server) -> None:
    first = PerformanceClient(server.url, "k")
    second = PerformanceClient(server.url, "k", client_wrapper=first.get_client_wrapper())
    first.close()
    assert second.batch_post("/x", [1]).data == [1]


def test_in_a_callback(server: Server) -> None:
    async def main() -> list[Any]:
        client = PerformanceClient(server.faulty(stall=True, containing="stays"), "k")
        staying = client.async_batch_post("/x", ["stays"])
        first = client.async_batch_post("/x", ["a"])
        first.add_done_callback(lambda future: client.close())
        return await asyncio.gather(first, staying, return_exceptions=True)

    first, staying = asyncio.run(main())
    assert first.data == ["a"] and type(staying) is OperationCancelled


def test_in_a_signal_handler(server: Server, eventually: Eventually) -> None:
    """Which interrupts a blocking call of the same client."""
    client = PerformanceClient(server.faulty(stall=True), "k")
    before = signal.signal(signal.SIGUSR1, lambda number, frame: client.close())

    def interrupt() -> None:
        eventually(lambda: server.statistics().requests_active == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    helper = Caller(interrupt)
    try:
        with pytest.raises(OperationCancelled, match=r"PerformanceClient.close\(\)"):
            client.batch_post("/x", [1])
    finally:
        assert helper.ended() is None
        signal.signal(signal.SIGUSR1, before)


def test_while_many_threads_call(server: Server) -> None:
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

    callers = [Caller(call_without_end) for _ in range(8)]
    for _ in range(40):
        assert answered.acquire(timeout=20.0)
    client.close()
    for caller in callers:
        assert caller.ended() is None
    assert len(ends) == 8 and set(ends) <= {"cancelled", "PerformanceClient is closed"}
    requests = server.statistics().requests
    expect_closed(client)
    assert server.statistics().requests == requests


def test_threads_that_close_at_once(server: Server, eventually: Eventually) -> None:
    for _ in range(10):
        client = PerformanceClient(server.faulty(stall=True), "k")
        caller = Caller(lambda client=client: client.batch_post("/x", TEXTS))
        eventually(lambda: server.statistics().requests_active == 12)
        for closer in [Caller(client.close) for _ in range(4)]:
            assert closer.ended() is None
        assert type(caller.ended()) is OperationCancelled
        eventually(lambda: server.statistics().requests_active == 0)


def test_a_token_comes_first(server: Server, eventually: Eventually) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(stall=True), "k")
    caller = Caller(lambda: client.batch_post("/x", TEXTS, cancel_token=token))
    with active(server, eventually, 12):
        token.cancel()
    assert "by token" in str(caller.ended())
    client.close()


def test_a_fallback_from_base64(server: Server, eventually: Eventually) -> None:
    """The call that is made in place of a refused one is the client's too."""
    faults = {"status": 400, "containing": '"encoding_format":"base64"'}
    client = PerformanceClient(
        f"{server.faulty(**faults)}{server.faulty(stall=True).removeprefix(server.url)}", "k", prefer_base64=True
    )
    caller = Caller(lambda: client.embed(["a"], "m"))
    eventually(lambda: server.statistics().requests == 2 and server.statistics().requests_active == 1)
    client.close()
    assert type(caller.ended()) is OperationCancelled


def test_calls_that_are_over_are_forgotten(server: Server) -> None:
    client = PerformanceClient(server.url, "k")

    async def main() -> None:
        await client.async_embed(["a"], "m")
        cancelled = client.async_embed(["a"], "m")
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)

    client.embed(["a"], "m")
    with pytest.raises(Exception, match="404"):
        PerformanceClient.batch_post(PerformanceClient(server.faulty(status=404), "k"), "/x", [1])
    asyncio.run(main())
    assert not client._caller.lease.calls


def test_a_client_that_is_dropped_is_collected_at_once(server: Server, eventually: Eventually) -> None:
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client = PerformanceClient(server.url, "k")
            client.batch_post("/x", [1])
            reference = weakref.ref(client)
            del client
            assert reference() is None
            eventually(lambda: server.statistics().connections_open == 0)
            wrapper = weakref.ref(HttpClientWrapper())
            assert wrapper() is None
    finally:
        gc.enable()


def test_a_wrapper_forgets_clients_that_are_gone(server: Server) -> None:
    wrapper = HttpClientWrapper()
    for _ in range(5):
        PerformanceClient(server.url, "k", client_wrapper=wrapper)
    assert not wrapper._users


@pytest.mark.usefixtures("no_probes_left")
def test_endpoints_of_a_closed_wrapper(server: Server, other_server: Server, eventually: Eventually) -> None:
    """Their health stays as it is, and requests go on by way of the client's own pool."""
    wrapper = HttpClientWrapper()
    endpoint = Endpoint(server.url, "k", wrapper, health_check_interval_s=0.1)
    stalled = Endpoint(other_server.faulty(stall=True), "k", wrapper, health_check_interval_s=0.1)
    eventually(lambda: endpoint.health.last_check is not None)
    eventually(lambda: other_server.statistics().requests_active == 1)
    wrapper.close()
    eventually(lambda: other_server.statistics().requests_aborted == 1)
    for each in (endpoint, stalled):
        eventually(lambda each=each: each.health.reason == "not probed: HttpClientWrapper is closed")
        assert each.health.healthy
    eventually(lambda: server.statistics().connections_open == other_server.statistics().connections_open == 0)
    client = PerformanceClient(server.url, "k", endpoint_pool=EndpointPool([endpoint]))
    assert client.batch_post("/x", [1]).data == [1]


class Subclass(PerformanceClient):
    """Overrides what `with` calls."""

    closings = 0

    def close(self) -> None:
        self.closings += 1
        super().close()


def test_subclasses(server: Server) -> None:
    with Subclass(server.url, "k") as client:
        client.batch_post("/x", [1])
    assert client.closings == 1
    with pytest.raises(RuntimeError, match=r"^Subclass is closed$"):
        client.batch_post("/x", [1])
