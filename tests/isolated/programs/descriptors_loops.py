"""Four loops and hardly a descriptor: a loop that gets none has its requests go by way of another."""

from __future__ import annotations

import os

os.environ["BASETEN_PERF_LOOPS"] = "4"

from shared.children import expect_success, fork
from shared.shortage import give_back, limit, use_up
from shared.usage import threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(64)]


def calls(server: Server, spared: int) -> None:
    client = PerformanceClient(server.faulty(latency=0.005), "key")
    import numpy  # which has threads of its own

    alone = threads()
    # Each request of few rows: as many loops as there are portions of eight.
    before = client.embed(TEXTS, "m", batch_size=1, max_concurrent_requests=64).numpy()
    assert threads() == alone + 4
    limit(256)
    taken = use_up(spared)
    for _ in range(3):
        answer = client.embed(TEXTS, "m", batch_size=1, max_concurrent_requests=64, patience_s=20.0)
        assert numpy.array_equal(answer.numpy(), before)
        payloads = list(range(300))
        assert client.batch_post("/same", payloads, max_concurrent_requests=256).data == payloads
    give_back(taken)
    assert client.embed(TEXTS, "m", batch_size=1, max_concurrent_requests=64).numpy().shape == (64, 384)


def main() -> None:
    with Server() as server:
        for spared in (0, 1, 3):
            expect_success(fork(lambda: calls(server, spared)), 50)  # noqa: B023
    print("done")


main()
