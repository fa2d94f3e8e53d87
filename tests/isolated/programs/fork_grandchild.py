"""A child's child, each with calls before and after; all use the one client that their ancestor built."""

from __future__ import annotations

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")

        def generation(left: int) -> None:
            payloads = [[left, i] for i in range(16)]
            assert client.batch_post("/same", payloads).data == payloads
            if left:
                expect_success(fork(lambda: generation(left - 1)))
            assert client.batch_post("/same", payloads).data == payloads

        generation(4)
    print("done")


main()
