"""Hundreds of endpoints made and dropped, idle or with a probe in flight: threads, descriptors, memory come back."""

from __future__ import annotations

import gc
import weakref

from shared.patience import eventually
from shared.usage import expect_flat, threads

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import Server


def settle(pool: EndpointPool) -> None:
    eventually(lambda: all(health.last_check for health in pool.health()[:8]))
    eventually(lambda: not pool.health()[-1].healthy)


def main() -> None:
    with Server() as server:
        stalled = server.faulty(stall=True)

        def rounds() -> None:
            wrapper = HttpClientWrapper()
            endpoints = [
                *(Endpoint(f"{server.url}/{i}", "key", wrapper, health_check_interval_s=0.1) for i in range(8)),
                *(Endpoint(f"{stalled}/{i}", "key", wrapper, health_check_interval_s=0.1) for i in range(8)),
                Endpoint("http://127.0.0.1:9", "key", wrapper, health_check_interval_s=0.1, health_check_retries=0),
            ]
            gone = [weakref.ref(endpoint) for endpoint in endpoints]
            settle(EndpointPool(endpoints))
            del endpoints, wrapper
            # Nothing of ours is in a cycle: no collector is needed.
            assert [reference() for reference in gone] == [None] * len(gone)
            eventually(lambda: threads() == 1)

        gc.disable()
        expect_flat(rounds, warm_up=6, rounds=10)
        eventually(lambda: server.statistics().requests_active == 0)
        eventually(lambda: server.statistics().connections_open == 0)
    print("done")


main()
