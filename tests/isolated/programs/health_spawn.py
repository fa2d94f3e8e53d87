"""A pool of endpoints given to a process that multiprocessing spawns: there it is probed anew."""

from __future__ import annotations

import multiprocessing

from shared.patience import eventually

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import Server


def child(pool: EndpointPool) -> None:
    eventually(lambda: all(health.last_check for health in pool.health()))
    assert [health.healthy for health in pool.health()] == [True, False]


def main() -> None:
    with Server(record=True) as server:
        wrapper = HttpClientWrapper()
        pool = EndpointPool(
            [
                Endpoint(server.url, "key", wrapper, health_check_interval_s=30),
                Endpoint(server.faulty(status=500), "key", wrapper, health_check_interval_s=30, health_check_retries=0),
            ],
            [0.5, 0.5],
        )
        eventually(lambda: all(health.last_check for health in pool.health()))
        process = multiprocessing.get_context("spawn").Process(target=child, args=(pool,))
        process.start()
        process.join(40)
        assert process.exitcode == 0, process.exitcode
        targets = sorted(request.target for request in server.requests())
        assert targets == ["/-/status=500/health"] * 2 + ["/health"] * 2, targets
        assert {request.header("authorization") for request in server.requests()} == {"Bearer key"}
    print("done")


if __name__ == "__main__":
    main()
