"""Closing clients: `close()`, `with`, `async with`; what a closed client still tells, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")

Eventually = Callable[..., None]
Make = Callable[..., Any]


def test_with(server: Server, eventually: Eventually, expect_closed: Make) -> None:
    with PerformanceClient(server.url, "k") as client:
        assert client.batch_post("/x", [1]).data == [1] and not client.closed
    assert client.closed
    eventually(lambda: server.statistics().connections_open == 0)
    expect_closed(client)
    assert server.statistics().requests == 1


def test_async_with(server: Server, eventually: Eventually, expect_closed: Make) -> None:
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
