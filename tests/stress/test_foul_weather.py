"""Random calls through seeded bad weather: each ends as its kind may, nothing is left at the server or in a queue, and
the next call works at once.  Steps are counted, none is timed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import (
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
)
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

pytestmark = [pytest.mark.usefixtures("no_probes_left", "poller"), pytest.mark.timeout(120)]
STEPS = 25  # of each of
FLOWS = 6  # in the event loop, and
THREADS = 3
# A refusal of random requests slows its quota down for good, so there are few.
WEATHER = [
    Faults(status=429, retry_after_ms=8, first=10),
    Faults(status=429, retry_after_ms=8, every=59),
    Faults(status=429, every=97),
    Faults(status=503, retry_after_ms=5, every=113),
    Faults(status=503, every=37),
    Faults(reset=True, every=31),
    Faults(stall=True, every=101),
    Faults(close=True, every=43),
    Faults(body_latency=0.003, every=3),
]
PATIENT: dict[str, Any] = {
    "max_retries": 6, "initial_backoff_ms": 50, "retry_budget_pct": 3.0, "timeout_s": 1.0, "patience_s": 60.0,
}  # fmt: skip
FAILURES = (requests.exceptions.RequestException, OSError)


class Storm:
    """Clients of one quota and of several, and how the calls through them have ended."""

    def __init__(self, server: Server) -> None:
        url = server.faulty(*WEATHER)
        wrapper = HttpClientWrapper()
        pool = EndpointPool([Endpoint(url, "pool", wrapper), Endpoint(server.faulty(*WEATHER[2:]), "pool", wrapper)])
        self.clients = [
            PerformanceClient(url, "one", client_wrapper=wrapper),
            PerformanceClient(url, "one"),
            PerformanceClient(url, "other"),
            PerformanceClient(url, "pool", endpoint_pool=pool),
        ]
        self.ended: Counter[str] = Counter()
        self.begun = 0

    def call(self, chance: random.Random, prefix: str = "") -> tuple[Callable[..., Any], Callable[[Any], None]]:
        """A method to call with options, and a check of its response."""
        self.begun += 1
        client = chance.choice(self.clients)
        texts = [f"text {chance.randrange(10**9)}" for _ in range(chance.choice((1, 1, 2, 5, 30)))]
        options: dict[str, Any] = {"max_concurrent_requests": chance.choice((1, 2, 32)), **PATIENT}
        if chance.random() < 0.2:
            options["hedge_delay"] = 0.2
        if chance.random() < 0.4:
            method = getattr(client, f"{prefix}embed")

            def verify_vectors(response: Any) -> None:
                assert numpy.array_equal(response.numpy(), embeddings(texts, 8))

            return lambda **more: method(texts, "m", batch_size=3, dimensions=8, **{**options, **more}), verify_vectors
        method = getattr(client, f"{prefix}batch_post")

        def verify(response: Any) -> None:
            assert response.data == texts

        return lambda **more: method("/same", texts, **{**options, **more}), verify

    def block(self, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(STEPS):
            call, verify = self.call(chance)
            if chance.random() < 0.2:
                self.hasty(call, verify, chance)
                continue
            verify(call())
            self.ended["answered"] += 1

    def hasty(self, call: Callable[..., Any], verify: Callable[[Any], None], chance: random.Random) -> None:
        """With little patience or time: an answer, or an error with what had arrived."""
        deadline = {"total_timeout_s": 0.1, "timeout_s": 0.1, "hedge_delay": None}
        try:
            verify(call(**chance.choice(({"patience_s": 0.0}, {"patience_s": 0.02}, {"max_retries": 0}, deadline))))
        except FAILURES as error:
            assert len(error.partial) > 0  # type: ignore[union-attr]
            self.ended["failed"] += 1
        else:
            self.ended["answered"] += 1

    async def flow(self, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(STEPS):
            call, verify = self.call(chance, "async_")
            way = chance.random()
            if way < 0.15:
                await self.by_token(call, verify, chance)
            elif way < 0.35:
                await self.cancelled(call, verify, chance)
            elif way < 0.45:
                # Dropped: nobody will ever ask for it.
                self.ended["dropped"] += 1
                dropped = call()
                await asyncio.sleep(chance.choice((0, 0.001, 0.01)))
                dropped.cancel()
                del dropped
            elif way < 0.6:
                try:
                    verify(await call(**chance.choice(({"patience_s": 0.0}, {"max_retries": 0}))))
                    self.ended["answered"] += 1
                except FAILURES:
                    self.ended["failed"] += 1
            else:
                verify(await call())
                self.ended["answered"] += 1

    async def by_token(self, call: Callable[..., Any], verify: Any, chance: random.Random) -> None:
        token = CancellationToken()
        future = call(cancel_token=token)
        await asyncio.sleep(chance.choice((0, 0.001, 0.01, 0.05)))
        token.cancel()
        try:
            verify(await future)
            self.ended["answered"] += 1
        except OperationCancelled as cancelled:
            assert len(cancelled.partial) > 0
            self.ended["cancelled"] += 1

    async def cancelled(self, call: Callable[..., Any], verify: Any, chance: random.Random) -> None:
        future = call()
        await asyncio.sleep(chance.choice((0, 0.001, 0.01, 0.05)))
        future.cancel()
        try:
            verify(await future)
            self.ended["answered"] += 1
        except asyncio.CancelledError:
            self.ended["cancelled"] += 1

    async def all(self, seed: int) -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            loop = asyncio.get_running_loop()
            await asyncio.gather(
                *(self.flow(seed + number) for number in range(FLOWS)),
                *(loop.run_in_executor(threads, self.block, seed + 100 + number) for number in range(THREADS)),
            )


@pytest.mark.parametrize("seed", [1, 2])
def test_every_call_ends(server: Server, eventually: Callable[..., None], seed: int) -> None:
    storm = Storm(server)
    asyncio.run(storm.all(1000 * seed))
    assert storm.begun == storm.ended.total() == STEPS * (FLOWS + THREADS)
    assert storm.ended["answered"] > storm.begun // 3 and min(storm.ended.values()) > 0, storm.ended
    eventually(lambda: server.statistics().requests_active == 0)
    for client in storm.clients:
        assert client.batch_post("/same", ["after"], **PATIENT).data == ["after"]
