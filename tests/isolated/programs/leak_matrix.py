"""A large result that is dropped lets the system have its memory at once, also when no other call follows."""

from __future__ import annotations

import gc

from shared.patience import eventually
from shared.usage import held, threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

MIB = 1 << 20
TEXTS = [f"text {i}" for i in range(64)]
DIMENSIONS = 65536  # 16 MiB of rows


def main() -> None:
    with Server() as server:

        def used() -> int:
            gc.collect()
            return held()

        for _ in range(6):
            client = PerformanceClient(server.url, "key")
            client.batch_post("/same", [1])
            before = used()
            response = client.embed(TEXTS, "m", "base64", DIMENSIONS, batch_size=2, max_concurrent_requests=32)
            assert used() - before > 16 * MIB
            del response
            eventually(lambda before=before: used() - before < 12 * MIB)
            del client
            eventually(lambda: threads() == 1)
    print("done")


main()
