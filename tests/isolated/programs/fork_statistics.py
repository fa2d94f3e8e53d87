"""A forked child counts from zero, with the parent's client and with one of its own; the parent's counts go on."""

from __future__ import annotations

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def counted(client: PerformanceClient) -> tuple[int, int, int, bool]:
    (one,) = client.statistics()
    return one.requests, one.answered, one.connections_open, one.latency_max is not None


def main() -> None:
    with Server() as server:
        old = PerformanceClient(server.url, "key")
        old.batch_post("/same", [1, 2, 3], max_concurrent_requests=1)
        before = counted(old)
        assert before == (3, 3, 1, True), before

        def child() -> None:
            assert counted(old) == (0, 0, 0, False), counted(old)
            old.batch_post("/same", [1])
            assert counted(old) == (1, 1, 1, True), counted(old)
            new = PerformanceClient(server.url, "key")
            new.batch_post("/same", [1, 2], max_concurrent_requests=1)
            assert counted(new)[:2] == (2, 2) and counted(old)[:2] == (1, 1)

        expect_success(fork(child))
        assert counted(old) == before
        old.batch_post("/same", [4])
        assert counted(old) == (4, 4, 1, True), counted(old)
    print("done")


main()
