"""Everything at once on one client for some seconds: all operations, threads and event loops, faults, time-outs,
cancellations; each answer is verified, each failure is one that was ordered."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

SECONDS = 5.0
PATIENT = RequestProcessingPreference(
    max_retries=4, initial_backoff_ms=50, retry_budget_pct=3.0, batch_size=3, max_concurrent_requests=16
)
HASTY = RequestProcessingPreference(max_retries=0, timeout_s=0.1, batch_size=3, max_concurrent_requests=16)
MENDED: list[dict[str, Any]] = [
    {"status": 503, "times": 1}, {"status": 429, "times": 1, "retry_after_ms": 20}, {"reset": True, "times": 1},
    {"truncate": True, "times": 1}, {"close": True, "times": 1}, {"close_after": True}, {"chunked": True},
    {"gzip": True}, {"body_latency": 0.01}, {"latency": 0.01}, {"early_hints": True},
]  # fmt: skip
FATAL: list[dict[str, Any]] = [
    {"status": 400}, {"invalid_json": True}, {"not_json": True}, {"stall": True}, {"stall_body": True},
]  # fmt: skip
EXPECTED = (requests.exceptions.RequestException, ValueError)


class Traffic:
    """Random calls on one pool of connections, counted by how they ended."""

    def __init__(self, server: Server) -> None:
        first = PerformanceClient(server.url, "key")
        pool = first.get_client_wrapper()
        self.good = [first] + [
            PerformanceClient(server.faulty(**fault), "key", client_wrapper=pool) for fault in MENDED
        ]
        self.fatal = [PerformanceClient(server.faulty(**fault), "key", client_wrapper=pool) for fault in FATAL]
        self.ended: Counter[str] = Counter()
        self.until = time.monotonic() + SECONDS

    @staticmethod
    def arguments(chance: random.Random, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        texts = [f"text {chance.randrange(10**9)}" for _ in range(chance.choice((1, 2, 7, 30)))]
        if name == "embed":
            return (texts, "m"), {
                "dimensions": chance.choice((1, 8, 100)), "encoding_format": chance.choice(("float", "base64")),
            }  # fmt: skip
        if name == "rerank":
            return ("some query", texts), {}
        return (texts,) if name == "classify" else ("/same", texts), {}

    @staticmethod
    def verify(name: str, positional: tuple[Any, ...], keywords: dict[str, Any], response: Any) -> None:
        if name == "embed":
            assert numpy.array_equal(response.numpy(), embeddings(positional[0], keywords["dimensions"]))
        elif name == "batch_post":
            assert response.data == positional[1]
        else:
            assert len(response.data) == len(positional[-1])

    def block(self, seed: int) -> None:
        """Make calls in this thread until the time is over."""
        chance = random.Random(seed)
        while time.monotonic() < self.until:
            name = chance.choice(("embed", "rerank", "classify", "batch_post"))
            positional, keywords = self.arguments(chance, name)
            if chance.random() < 0.15:
                with pytest.raises(EXPECTED):
                    getattr(chance.choice(self.fatal), name)(*positional, **keywords, preference=HASTY)
                self.ended["failed"] += 1
                continue
            response = getattr(chance.choice(self.good), name)(*positional, **keywords, preference=PATIENT)
            self.verify(name, positional, keywords, response)
            self.ended["answered"] += 1

    async def flow(self, seed: int) -> None:
        """The same in an event loop, with cancellations."""
        chance = random.Random(seed)
        while time.monotonic() < self.until:
            name = chance.choice(("embed", "rerank", "classify", "batch_post"))
            positional, keywords = self.arguments(chance, name)
            way = chance.random()
            client = chance.choice(self.fatal if way < 0.3 else self.good)
            preference = HASTY if way < 0.15 else PATIENT
            future = getattr(client, f"async_{name}")(*positional, **keywords, preference=preference)
            if way < 0.15:
                with pytest.raises(EXPECTED):
                    await future
                self.ended["failed"] += 1
            elif way < 0.5:
                await asyncio.sleep(chance.choice((0, 0.001, 0.005, 0.02)))
                if future.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await future
                    self.ended["cancelled"] += 1
                else:
                    future.exception()
            elif way < 0.6:
                try:
                    await asyncio.wait_for(future, 0.005)
                except asyncio.TimeoutError:
                    self.ended["given up"] += 1
            else:
                self.verify(name, positional, keywords, await future)
                self.ended["answered"] += 1

    def loop(self, seed: int) -> None:
        """An event loop with eight such flows in this thread."""

        async def flows() -> None:
            await asyncio.gather(*(self.flow(seed * 100 + i) for i in range(8)))

        asyncio.run(flows())


@pytest.mark.timeout(120)
def test_everything_at_once(server: Server, poller: str, eventually: Any) -> None:
    traffic = Traffic(server)
    with ThreadPoolExecutor(12) as pool:
        running = [pool.submit(traffic.block, seed) for seed in range(8)]
        running += [pool.submit(traffic.loop, seed) for seed in range(4)]
        for future in running:
            future.result(100)
    assert all(traffic.ended[end] > 20 for end in ("answered", "failed", "cancelled", "given up")), traffic.ended
    # Nothing is left in flight, and the pool works on.
    eventually(lambda: server.statistics().requests_active == 0)
    assert traffic.good[0].batch_post("/same", [1, 2]).data == [1, 2]
