"""Streams that are read to their end, broken off, closed, dropped, or that fail: memory and descriptors stay flat."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress

from shared.patience import eventually
from shared.usage import expect_flat

from baseten_perf import PerformanceClient, RequestFailed
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(64)]


async def trickle() -> AsyncIterator[str]:
    for text in TEXTS:
        await asyncio.sleep(0)
        yield text


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        pool = client.get_client_wrapper()
        stalled = PerformanceClient(server.faulty(stall_body=True), "key", client_wrapper=pool)
        refused = PerformanceClient(server.faulty(every=3, status=400), "key", client_wrapper=pool)

        def blocking() -> None:
            for _ in range(10):
                assert sum(len(batch) for batch in client.iter_embed(TEXTS, "m", dimensions=64, batch_size=4)) == 64
                for batch in client.iter_embed(TEXTS, "m", dimensions=64, batch_size=4):
                    assert batch.start == 0
                    break
                stream = stalled.iter_embed(TEXTS, "m", dimensions=64, batch_size=4)
                stream._pull(stream._begun(stream._begin()), iter(TEXTS))
                stream.close()
                errors = sum(
                    len(batch.errors)
                    for batch in refused.iter_embed(TEXTS, "m", batch_size=4, dimensions=8, return_exceptions=True)
                )
                assert errors > 0
                with suppress(RequestFailed):
                    list(refused.iter_batch_post("/same", TEXTS))

        async def awaiting() -> None:
            for _ in range(5):
                assert sum([len(batch) async for batch in client.iter_classify(trickle(), batch_size=4)]) == 64
                async for batch in client.iter_embed(trickle(), "m", dimensions=64, batch_size=4):
                    assert batch.start == 0
                    break
                kept = client.iter_embed(trickle(), "m", dimensions=64, batch_size=4)
                await anext(kept)
                await kept.aclose()
            await asyncio.sleep(0)

        def round_of_streams() -> None:
            blocking()
            asyncio.run(awaiting())
            gc.collect()
            eventually(lambda: server.statistics().requests_active == 0)

        expect_flat(round_of_streams, client, stalled, refused, warm_up=6, rounds=8)
    print("done")


main()
