"""Telling waiters: a caller hears of the end of an operation at whatever moment it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.execution import asynchronous
from baseten_perf.testing import Server


class EndsMeanwhile:
    """An operation's handle; between a look at its state and the next step, the operation always ends."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def _until_over(self) -> None:
        end = time.monotonic() + 3.0
        while not self._handle.over and time.monotonic() < end:
            time.sleep(0.001)

    @property
    def over(self) -> bool:
        seen = bool(self._handle.over)
        self._until_over()
        return seen

    @property
    def hungry(self) -> bool:
        seen = bool(self._handle.hungry)
        self._until_over()
        return seen

    def drain(self, arrived: Any) -> None:
        self._handle.drain(arrived)
        self._until_over()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


@pytest.mark.parametrize("after", ["over", "drain"])
def test_end_between_two_looks(server: Server, monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    """64 answers have been announced; the last ones come while the caller takes those in."""
    monkeypatch.setattr(asynchronous, "TURN_S", 1e6)
    if after == "drain":
        monkeypatch.setattr(EndsMeanwhile, "over", property(lambda self: self._handle.over))
    payloads = ["quick"] * 70 + ["slow"] * 6
    client = PerformanceClient(server.faulty(latency=0.3, containing="slow"), "key")

    async def call() -> None:
        future: Any = client.async_batch_post("/same", payloads, max_concurrent_requests=128)
        future.call.handle = EndsMeanwhile(future.call.handle)
        assert (await asyncio.wait_for(future, 20)).data == payloads

    asyncio.run(call())


@pytest.mark.parametrize("count", [1, 63, 64, 65, 127, 128, 129, 500])
def test_numbers_of_requests(client: PerformanceClient, poller: str, count: int) -> None:
    """Around the portions in which answers are announced, and the waves in which bodies go down."""

    async def calls() -> None:
        for concurrency in (1, 3, 64, 256):
            payloads = list(range(count))
            response = await asyncio.wait_for(
                client.async_batch_post("/same", payloads, max_concurrent_requests=concurrency), 20
            )
            assert response.data == payloads

    asyncio.run(calls())
    assert client.batch_post("/same", list(range(count)), max_concurrent_requests=5).data == list(range(count))


def test_many_tokens_at_once(client: PerformanceClient) -> None:
    """Thousands of operations end while the event loop is busy elsewhere."""

    async def calls() -> None:
        futures = [client.async_batch_post("/same", [i]) for i in range(1500)]
        await asyncio.sleep(0)
        time.sleep(0.5)
        answers = await asyncio.wait_for(asyncio.gather(*futures), 30)
        assert [answer.data for answer in answers] == [[i] for i in range(1500)]

    asyncio.run(calls())


def test_loops_that_cannot_watch_descriptors(client: PerformanceClient, eventually: Callable[..., None]) -> None:
    """As asyncio's proactor: a thread relays the wake-ups, and ends with its loop."""
    import threading

    class Proactor(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *arguments: Any) -> None:
            raise NotImplementedError

    before = threading.active_count()
    loop = Proactor()

    async def calls() -> None:
        for _ in range(5):
            answers = await asyncio.gather(*(client.async_batch_post("/same", [i] * 70) for i in range(20)))
            assert [answer.data for answer in answers] == [[i] * 70 for i in range(20)]

    loop.run_until_complete(asyncio.wait_for(calls(), 30))
    loop.close()
    eventually(lambda: threading.active_count() <= before)
