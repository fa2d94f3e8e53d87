"""Thousands of calls with one long-lived token, and thousands that tokens cancel: memory and descriptors stay flat."""

from __future__ import annotations

import asyncio
import threading

from shared.usage import expect_flat

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(16)]


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stalled = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=client.get_client_wrapper())
        lasting = CancellationToken()
        preference = RequestProcessingPreference(cancel_token=lasting, batch_size=2)

        async def cancelled() -> None:
            token = CancellationToken()
            stopping = RequestProcessingPreference(cancel_token=token, batch_size=2)
            futures = [stalled.async_embed(TEXTS, "m", preference=stopping) for _ in range(4)]
            await client.async_batch_post("/x", TEXTS, preference)
            token.cancel()
            for ended in await asyncio.gather(*futures, return_exceptions=True):
                assert type(ended) is OperationCancelled, ended

        def calls() -> None:
            for _ in range(20):
                client.batch_post("/x", TEXTS, preference)
            asyncio.run(cancelled())
            token = CancellationToken()
            timer = threading.Timer(0.005, token.cancel)
            timer.start()
            try:
                stalled.batch_post("/x", TEXTS, RequestProcessingPreference(cancel_token=token))
            except OperationCancelled as failure:
                assert failure.partial == [None] * 16  # type: ignore[attr-defined]
            timer.join()

        expect_flat(calls, client, stalled, warm_up=15, rounds=20)
        assert not lasting._signal.calls
    print("done")


main()
