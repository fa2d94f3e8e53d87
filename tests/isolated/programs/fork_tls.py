"""Children and TLS: no close_notify of a child's may end the parent's connections."""

from __future__ import annotations

from shared.children import expect_success, fork
from shared.tls import tls_server

from baseten_perf import PerformanceClient


def main() -> None:
    with tls_server() as server:
        old = PerformanceClient(server.url, "key")

        def call(client: PerformanceClient, mark: str) -> None:
            payloads = [{"mark": mark, "number": i} for i in range(4)]
            assert client.batch_post("/same", payloads, max_concurrent_requests=2).data == payloads

        def child() -> None:
            call(old, "old")
            new = PerformanceClient(server.url, "key")
            call(new, "new")

        call(old, "parent")
        for number in range(20):
            expect_success(fork(child))
            call(old, f"parent, after child {number}")
        connections = {request.connection for request in server.requests() if b'"parent' in request.body}
        assert len(connections) <= 2, connections
    print("done")


main()
