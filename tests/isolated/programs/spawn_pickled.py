"""A pickled client and preference work in a spawned process, which shares nothing with this one."""

from __future__ import annotations

import asyncio
import multiprocessing
from typing import Any

from baseten_perf import CancellationToken, PerformanceClient, RequestProcessingPreference, TraceContext
from baseten_perf.testing import Server


def elsewhere(client: PerformanceClient, preference: RequestProcessingPreference) -> Any:
    async def call() -> Any:
        return (await client.async_batch_post("/x", ["async"], preference)).data

    return client.batch_post("/x", ["sync"], preference).data + asyncio.run(call())


def main() -> None:
    preference = RequestProcessingPreference(
        timeout_s=30,
        cancel_token=CancellationToken(),
        trace_context=TraceContext("00-a"),
        extra_headers={"x-mine": "1"},
    )
    with Server(record=True) as server:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            answers = pool.apply(elsewhere, (PerformanceClient(server.url, "key"), preference))
        assert answers == ["sync", "async"]
        requests = server.requests()
        assert len(requests) == 2
        for request in requests:
            assert request.header("authorization") == "Bearer key"
            assert (request.header("traceparent"), request.header("x-mine")) == ("00-a", "1")
    print("done")


if __name__ == "__main__":
    main()
