"""Fork while other threads have calls in flight: children work, and so do the calls."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        slow = PerformanceClient(server.faulty(latency=0.05), "key", client_wrapper=client.get_client_wrapper())
        enough = threading.Event()

        def calls_without_end(number: int) -> int:
            calls = 0
            while not enough.is_set():
                payloads = [[number, calls, i] for i in range(40)]
                assert slow.batch_post("/same", payloads, max_concurrent_requests=20).data == payloads
                calls += 1
            return calls

        def child() -> None:
            assert client.batch_post("/same", list(range(30))).data == list(range(30))
            assert slow.batch_post("/same", [1]).data == [1]

        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(calls_without_end, number) for number in range(3)]
            try:
                eventually(lambda: server.statistics().requests_active > 0)
                for _ in range(5):
                    children = [fork(child) for _ in range(4)]
                    for pid in children:
                        expect_success(pid)
            finally:
                enough.set()
            assert all(call.result() > 0 for call in running)
    print("done")


main()
