"""Twenty children use the parent's client and one of their own; the parent's connections go on working."""

from __future__ import annotations

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(12)]


def main() -> None:
    with Server(record=True) as server:
        old = PerformanceClient(server.url, "key")

        def call(client: PerformanceClient, mark: str) -> None:
            payloads = [{"mark": mark, "number": i} for i in range(8)]
            assert client.batch_post("/same", payloads, max_concurrent_requests=4).data == payloads
            vectors = client.embed(TEXTS, "m", batch_size=3, max_concurrent_requests=4).numpy()
            assert vectors.shape == (12, 384)

        def child() -> None:
            call(old, "old")
            new = PerformanceClient(server.url, "key")
            call(new, "new")
            del new
            call(old, "old again")

        call(old, "parent")
        for number in range(20):
            expect_success(fork(child))
            call(old, f"parent, after child {number}")
        connections = {request.connection for request in server.requests() if b'"parent' in request.body}
        # Four at most in the one call before the first child; a lost connection would have been replaced by another.
        assert len(connections) <= 4, connections
    print("done")


main()
