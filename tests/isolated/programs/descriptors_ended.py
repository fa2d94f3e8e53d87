"""No descriptor is left when calls begin: they are answered once there are some again, and fail clearly if not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from shared.children import expect_success, fork
from shared.patience import eventually
from shared.shortage import give_back, limit, use_up
from shared.tls import tls_server

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.errors import APIConnectionError
from baseten_perf.testing import Server

PAYLOADS = list(range(100))
OPTIONS: dict[str, Any] = {"max_concurrent_requests": 32}


def started(server: Server) -> PerformanceClient:
    """A client whose loop runs, without a connection."""
    client = PerformanceClient(server.url, "key")
    once = PerformanceClient(server.faulty(http10=True), "key", client_wrapper=client.get_client_wrapper())
    assert once.batch_post("/same", [0]).data == [0]
    return client


def survived(server: Server) -> None:
    client = started(server)
    loop = asyncio.new_event_loop()
    limit(256)
    taken = use_up()
    ended = threading.Timer(0.5, give_back, (taken,))
    ended.start()

    async def awaited() -> None:
        many = [client.async_batch_post("/same", [number]) for number in range(10)]
        assert [(await call).data for call in many] == [[number] for number in range(10)]

    assert client.batch_post("/same", PAYLOADS, **OPTIONS).data == PAYLOADS
    ended.join()
    taken += use_up()
    ended = threading.Timer(0.5, give_back, (taken,))
    ended.start()
    loop.run_until_complete(awaited())
    ended.join()


def told(server: Server) -> None:
    client = started(server)
    loop = asyncio.new_event_loop()
    limit(256)
    taken = use_up()
    failures: list[Any] = []

    async def awaited() -> None:
        await client.async_batch_post("/same", PAYLOADS, patience_s=0.5, **OPTIONS)

    calls: list[Callable[[], object]] = [
        lambda: client.batch_post("/same", PAYLOADS, patience_s=0.5, **OPTIONS),
        lambda: client.batch_post("/same", [1], patience_s=0.0),
        lambda: loop.run_until_complete(awaited()),
    ]
    for call in calls:
        try:
            call()
        except Exception as error:
            failures.append(error)
    give_back(taken)
    assert len(failures) == 3
    for error in failures:
        assert type(error) is APIConnectionError, repr(error)
        assert "no descriptor is left for a connection" in str(error), str(error)
        assert error.partial in ([None], [None] * 100)
    assert client.batch_post("/same", PAYLOADS, **OPTIONS).data == PAYLOADS


def takes_turns(server: Server) -> None:
    """With a single connection, a small call ends before a large one that came earlier."""
    client = started(server)
    loop = asyncio.new_event_loop()
    url = server.faulty(latency=0.002)
    slow = PerformanceClient(url, "key", client_wrapper=client.get_client_wrapper())
    ended: list[str] = []

    async def call(name: str, count: int) -> None:
        await slow.async_batch_post("/same", [name] * count, **OPTIONS)
        ended.append(name)

    async def main() -> None:
        await client.async_batch_post("/-/http10/same", [0])  # the event loop has its descriptor now
        limit(256)
        taken = use_up(1)
        large = asyncio.ensure_future(call("large", 2000))
        await asyncio.sleep(0.2)
        await call("small", 5)
        give_back(taken)
        await large

    loop.run_until_complete(main())
    assert ended == ["small", "large"], ended


def takes_what_another_pool_keeps(server: Server) -> None:
    """Idle connections of a pool give way to the first connection of another one, whose call would wait otherwise."""
    client = started(server)
    keeper = PerformanceClient(server.faulty(latency=0.2), "key", client_wrapper=HttpClientWrapper())
    assert keeper.batch_post("/same", PAYLOADS[:50], max_concurrent_requests=50).data == PAYLOADS[:50]
    limit(256)
    taken = use_up()
    assert client.batch_post("/same", PAYLOADS[:10], patience_s=10.0).data == PAYLOADS[:10]
    give_back(taken)
    eventually(lambda: server.statistics().connections_open <= 10)


def main() -> None:
    with Server() as server, tls_server() as secure:
        for case in (survived, told):
            for one in (server, secure):
                expect_success(fork(lambda: case(one)), 25)  # noqa: B023
        expect_success(fork(lambda: takes_turns(server)), 25)
        expect_success(fork(lambda: takes_what_another_pool_keeps(server)), 25)
    print("done")


main()
