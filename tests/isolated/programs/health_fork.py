"""Children of a process with endpoints: they probe from their first use of one on, not before; the parent goes on."""

from __future__ import annotations

import os
import sys

from shared.children import expect_success, fork
from shared.patience import eventually
from shared.usage import threads

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import Server


def wait_for_a_round(endpoint: Endpoint) -> None:
    last = endpoint.health.last_check
    eventually(lambda: endpoint.health.last_check != last)


def main() -> None:
    with Server() as server:
        wrapper = HttpClientWrapper()
        prompt = Endpoint(server.url, "key", wrapper, health_check_interval_s=0.1)
        stalled = Endpoint(server.faulty(stall=True), "key", wrapper)
        down = Endpoint(server.faulty(status=500), "key", wrapper, health_check_interval_s=0.1, health_check_retries=0)
        pool = EndpointPool([prompt, stalled, down], [1, 1, 0])
        wait_for_a_round(prompt)
        eventually(lambda: not down.health.healthy)
        eventually(lambda: server.statistics().requests_active == 1)

        client = PerformanceClient("http://ignored.invalid", "key", endpoint_pool=EndpointPool([prompt, down]))
        assert client.batch_post("/x", list(range(20))).data == list(range(20))

        def idle() -> None:
            assert threads() == 1
            assert not down._state.healthy  # as it was in the parent

        def use() -> None:
            routes = pool.routes("/v1/embeddings", lambda url: "")
            assert [route[2].healthy for route in routes] == [True, True, False]
            for endpoint in (prompt, down):
                wait_for_a_round(endpoint)
            new = Endpoint(server.url + "/new", "key", HttpClientWrapper(), health_check_interval_s=0.1)
            wait_for_a_round(new)
            assert new.health.healthy and not down.health.healthy

        def call() -> None:
            assert client.batch_post("/x", list(range(20))).data == list(range(20))
            assert threads() >= 3  # a loop of the client, a loop of the probes, the thread that keeps them going
            wait_for_a_round(down)

        def make_first() -> None:
            new = Endpoint(server.url + "/new", "key", HttpClientWrapper(), health_check_interval_s=0.1)
            wait_for_a_round(new)
            for endpoint in (prompt, down):
                wait_for_a_round(endpoint)

        def grandchild() -> None:
            wait_for_a_round(prompt)
            expect_success(fork(use))
            wait_for_a_round(prompt)

        for child in (idle, use, grandchild, call, make_first):
            expect_success(fork(child))
            wait_for_a_round(prompt)
        pid = os.fork()
        if pid == 0:
            wait_for_a_round(prompt)
            sys.stdout.flush()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the exit flushes is the parent's
            sys.exit(0)
        expect_success(pid)
    print("done")


main()
