"""Fixtures of the tests of closing: calls in threads of their own, all methods, and what these say in the end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

Methods = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(12)]
METHODS: dict[str, Methods] = {
    "embed": lambda client, twin: getattr(client, f"{twin}embed")(TEXTS, "m", batch_size=1),
    "rerank": lambda client, twin: getattr(client, f"{twin}rerank")("q", TEXTS, batch_size=1),
    "classify": lambda client, twin: getattr(client, f"{twin}classify")(TEXTS, batch_size=1),
    "batch_post": lambda client, twin: getattr(client, f"{twin}batch_post")("/x", TEXTS),
    "batch_system_one": lambda client, twin: getattr(client, f"{twin}batch_system_one")(TEXTS),
}


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


@pytest.fixture
def calling() -> Callable[[Callable[[], Any]], Caller]:
    """Call something in a thread of its own."""
    return Caller


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    """Name of a method."""
    return str(request.param)


@pytest.fixture
def method(name: str) -> Methods:
    """That method, which makes 12 requests, of a client: `method(client, "")`, or "async_" to await it."""
    return METHODS[name]


@pytest.fixture
def active(server: Server, eventually: Callable[..., None]) -> Callable[[int], AbstractContextManager[None]]:
    """What is done while so many requests are under way has them all aborted on the wire."""

    @contextlib.contextmanager
    def active(requests: int) -> Iterator[None]:
        eventually(lambda: server.statistics().requests_active == requests)
        yield
        eventually(lambda: server.statistics().requests_active == 0)
        assert server.statistics().requests_aborted == requests

    return active


@pytest.fixture
def expect_closed() -> Callable[..., None]:
    """Every method says that the client is closed, blocking or not."""

    def expect(client: PerformanceClient, what: str = "PerformanceClient") -> None:
        for method in METHODS.values():
            with pytest.raises(RuntimeError, match=f"^{what} is closed$"):
                method(client, "")

            async def awaited(method: Methods = method) -> None:
                await method(client, "async_")

            with pytest.raises(RuntimeError, match=f"^{what} is closed$"):
                asyncio.run(awaited())

    return expect
