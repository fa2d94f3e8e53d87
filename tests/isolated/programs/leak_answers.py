"""Thousands of calls that succeed, in all the forms that an answer has: memory and descriptors stay flat."""

from __future__ import annotations

import asyncio

from shared.usage import expect_flat

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(16)]


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        ragged = PerformanceClient(server.faulty(ragged=True), "key")
        shuffled = PerformanceClient(server.faulty(shuffle=True), "key")
        odd = PerformanceClient(server.faulty(content_type="text/plain", set_cookie=True, chunked=True), "key")
        big = [{"text": "x" * 20000}]  # beyond what an answer is copied for

        def blocking() -> None:
            for one in (client, ragged, shuffled):
                response = one.embed(TEXTS, "m", batch_size=4, dimensions=128)
                assert len(response.data[3].embedding) == 127 + (one is not ragged)
                one.embed(TEXTS, "m", "base64", batch_size=8, dimensions=128).data[0].embedding.encode()
            assert client.batch_post("/same", big * 4).data == big * 4
            assert odd.batch_post("/same", TEXTS).response_headers[0]
            client.rerank("query", TEXTS, batch_size=4)
            client.classify(TEXTS, batch_size=4)

        async def concurrently() -> None:
            for _ in range(4):
                await asyncio.gather(*(client.async_batch_post("/same", [i]) for i in range(50)))
                await client.async_embed(TEXTS, "m", batch_size=4, dimensions=128)

        def both() -> None:
            blocking()
            asyncio.run(concurrently())

        expect_flat(both, client, ragged, shuffled, odd, warm_up=15, rounds=20)
    print("done")


main()
