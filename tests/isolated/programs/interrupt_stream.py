"""Ctrl-C while a stream waits: KeyboardInterrupt alone, aborted on the wire; what was given stays."""

from __future__ import annotations

import os
import signal
import threading

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stalled = PerformanceClient(server.faulty(containing="7", stall=True), "key")

        def watch() -> None:
            eventually(lambda: server.statistics().requests_active > 0 and len(given) == 7)
            os.kill(os.getpid(), signal.SIGINT)

        given: list[int] = []
        watcher = threading.Thread(target=watch)
        watcher.start()
        stream = stalled.iter_batch_post("/same", iter(range(1000)), max_concurrent_requests=4)
        try:
            for item in stream:
                given += item.data
        except KeyboardInterrupt as interrupt:
            assert interrupt.__context__ is None and interrupt.__cause__ is None
        else:
            raise AssertionError("not interrupted")
        watcher.join()
        assert given == list(range(7))
        assert list(stream) == []
        eventually(lambda: server.statistics().requests_active == 0)
        assert [item.data for item in client.iter_batch_post("/same", [1, 2])] == [[1], [2]]
    print("done")


main()
