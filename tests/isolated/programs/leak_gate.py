"""Hundreds of calls cancelled, refused for good and past their deadline at a closed gate: memory stays flat."""

from __future__ import annotations

import asyncio

from shared.usage import expect_flat

from baseten_perf import Endpoint, EndpointPool, HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server, Server() as other:
        url = server.faulty(status=429, retry_after_ms=20)
        client = PerformanceClient(url, "key")
        wrapper: HttpClientWrapper = client.get_client_wrapper()
        pool = EndpointPool([
            Endpoint(url, "pool", wrapper), Endpoint(other.faulty(status=503, retry_after_ms=20), "pool", wrapper),
        ])  # fmt: skip
        pooled = PerformanceClient(url, "key", endpoint_pool=pool)

        async def calls() -> None:
            waiting = [
                one.async_batch_post("/same", ["x" * 200] * count)
                for one in (client, pooled) for count in (1, 5, 300) for _ in range(4)
            ]  # fmt: skip
            ending = [
                one.async_batch_post("/same", [1, 2], **options)
                for one in (client, pooled)
                for options in ({"patience_s": 0.02}, {"total_timeout_s": 0.05, "timeout_s": 0.05}, {"max_retries": 0})
            ]  # fmt: skip
            ended = await asyncio.gather(*ending, return_exceptions=True)
            assert all(isinstance(end, Exception) for end in ended), ended
            for call in waiting:
                assert not call.done()
                call.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        expect_flat(lambda: asyncio.run(calls()), client, pooled, warm_up=8, rounds=8)
    print("done")


main()
