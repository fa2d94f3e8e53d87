"""Futures and clients dropped while they wait at a gate: nothing is left behind, and another client of the same quota,
with a pool of its own, is served."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref

from shared.patience import eventually
from shared.usage import threads

from baseten_perf import CancellationToken, HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server


async def dropped(server: Server, chance: random.Random, key: str) -> None:
    url = server.faulty(
        Faults(status=429, retry_after_ms=150, containing="stuck"), Faults(status=429, retry_after_ms=20, first=2)
    )
    token = CancellationToken()
    by_token = RequestProcessingPreference(cancel_token=token)
    clients = [PerformanceClient(url, key, client_wrapper=HttpClientWrapper()) for _ in range(4)]
    gone = [weakref.ref(client) for client in clients[1:]]
    stuck = [
        client.async_batch_post("/same", [f"stuck {i}" for i in range(chance.choice((1, 3, 100)))], by_token)
        if chance.random() < 0.2 else client.async_batch_post("/same", ["stuck"] * chance.choice((1, 40)))
        for client in clients[1:] for _ in range(30)
    ]  # fmt: skip
    bystanders = [clients[0].async_batch_post("/same", [f"free {i}" for i in range(5)]) for _ in range(3)]
    while not server.statistics().requests:
        await asyncio.sleep(0.001)
    await asyncio.sleep(chance.choice((0, 0, 0.01, 0.2)))
    token.cancel()
    chance.shuffle(stuck)
    for future in stuck[: len(stuck) // 2]:
        future.cancel()
    if chance.random() < 0.5:
        await asyncio.sleep(0)
    for future in stuck:
        future.cancel()
    del clients[1:], future
    stuck.clear()
    for bystander in bystanders:
        assert (await asyncio.wait_for(bystander, 20)).data == [f"free {i}" for i in range(5)]
    await asyncio.sleep(0)
    gc.collect()
    assert not any(reference() for reference in gone), "a client is kept"


def main() -> None:
    chance = random.Random(7)
    with Server() as server:
        for turn in range(8):
            server.reset()
            asyncio.run(dropped(server, chance, f"key {turn}"))
        gc.collect()
        eventually(lambda: server.statistics().requests_active == 0)
        eventually(lambda: threads() == 1)
        eventually(lambda: server.statistics().connections_open == 0)
    print("done")


main()
