"""Threads build, use and drop clients of their own, some sharing a pool: threads and descriptors all come back."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

from shared.patience import eventually
from shared.usage import descriptors, threads

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        PerformanceClient(server.url, "key").batch_post("/same", [0])
        gc.collect()
        eventually(lambda: threads() == 1)
        before = descriptors()

        def use(number: int) -> None:
            for turn in range(10):
                shared = HttpClientWrapper()
                clients = [PerformanceClient(server.url, "key", client_wrapper=shared) for _ in range(2)]
                for client in clients:
                    payloads = [[number, turn, i] for i in range(20)]
                    assert client.batch_post("/same", payloads).data == payloads

        with ThreadPoolExecutor(16) as pool:
            for future in [pool.submit(use, number) for number in range(16)]:
                future.result(50)
        gc.collect()
        eventually(lambda: threads() == 1)
        eventually(lambda: descriptors() <= before)
        eventually(lambda: server.statistics().connections_open == 0)
    print("done")


main()
