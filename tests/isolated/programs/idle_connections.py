"""A client that is left alone for half a minute closes its connections by itself, and works again when it is asked."""

from __future__ import annotations

import time

from shared.patience import eventually
from shared.usage import descriptors, threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.faulty(latency=0.1), "key")
        other = PerformanceClient(server.url, "key")
        before = 0
        for turn in range(2):
            assert client.batch_post("/same", list(range(200)), max_concurrent_requests=100).data == list(range(200))
            assert other.batch_post("/same", [1]).data == [1]
            opened = server.statistics().connections_open
            assert opened > 50
            began = time.monotonic()
            if turn == 1:
                break
            running = threads()
            eventually(lambda: server.statistics().connections_open == 0, 45.0)
            assert time.monotonic() - began > 20.0
            assert threads() == running
            before = descriptors()
        del client, other
        eventually(lambda: server.statistics().connections_open == 0)
        assert descriptors() <= before + 2
    print("done")


main()
