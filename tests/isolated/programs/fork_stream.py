"""Fork while a stream is under way: the child has streams of its own, and the parent's goes on."""

from __future__ import annotations

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stream = client.iter_batch_post("/same", iter(range(500)), max_concurrent_requests=8)
        given = [next(stream).data[0] for _ in range(5)]

        def child() -> None:
            assert [item.data for item in client.iter_batch_post("/same", iter(range(50)))] == [[i] for i in range(50)]
            try:
                next(stream)
            except RuntimeError as error:
                assert "parent" in str(error)
            else:
                raise AssertionError("the parent's stream goes on in the child")

        for pid in [fork(child) for _ in range(3)]:
            expect_success(pid)
        given += [item.data[0] for item in stream]
        assert given == list(range(500))
    print("done")


main()
