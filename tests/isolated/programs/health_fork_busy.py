"""Forks while threads make, look at and drop endpoints, and one holds the lock: every child can probe."""

from __future__ import annotations

import threading
import time

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint
from baseten_perf.endpoints.probing import probing
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        wrapper = HttpClientWrapper()
        kept = Endpoint(server.url, "key", wrapper, health_check_interval_s=0.1)
        over = threading.Event()

        def churn() -> None:
            while not over.is_set():
                made = [Endpoint(f"{server.url}/{i}", "key", wrapper, health_check_interval_s=0.1) for i in range(3)]
                assert all(endpoint.health.healthy for endpoint in made)

        def hold() -> None:
            while not over.is_set():
                with probing._lock:
                    time.sleep(0.005)

        def child() -> None:
            last = kept.health.last_check
            eventually(lambda: kept.health.last_check != last)

        busy = [threading.Thread(target=churn), threading.Thread(target=churn), threading.Thread(target=hold)]
        for thread in busy:
            thread.start()
        try:
            for _ in range(20):
                expect_success(fork(child))
        finally:
            over.set()
        for thread in busy:
            thread.join()
        child()
    print("done")


main()
