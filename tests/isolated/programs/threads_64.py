"""64 threads use one client at the same time, blocking and in event loops of their own; each gets its own answers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        gate = threading.Barrier(64)

        async def in_a_loop(number: int) -> None:
            texts = [f"{number} {i}" for i in range(6)]
            posted, embedded = await asyncio.gather(
                client.async_batch_post("/same", texts), client.async_embed(texts, "m", dimensions=8, batch_size=2)
            )
            assert posted.data == texts
            assert numpy.array_equal(embedded.numpy(), embeddings(texts, 8))

        def use(number: int) -> None:
            gate.wait(30)
            for turn in range(8):
                texts = [f"{number} {turn} {i}" for i in range(6)]
                assert client.batch_post("/same", texts).data == texts
                vectors = client.embed(texts, "m", dimensions=8, batch_size=4).numpy()
                assert numpy.array_equal(vectors, embeddings(texts, 8))
                assert len(client.classify(texts).data) == 6
                assert len(client.rerank("query", texts).data) == 6
            asyncio.run(in_a_loop(number))

        with ThreadPoolExecutor(64) as pool:
            for future in [pool.submit(use, number) for number in range(64)]:
                future.result(50)
    print("done")


main()
