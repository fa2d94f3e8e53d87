"""Ctrl-C in each kind of blocking call: KeyboardInterrupt alone, at once, aborted on the wire; the client goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def interrupt_when(condition: Callable[[], object]) -> threading.Thread:
    def watch() -> None:
        eventually(condition)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def main() -> None:
    with Server() as server:
        pool = PerformanceClient(server.url, "key").get_client_wrapper()
        client = PerformanceClient(server.url, "key", client_wrapper=pool)
        stalled = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=pool)
        stalled_body = PerformanceClient(server.faulty(stall_body=True), "key", client_wrapper=pool)
        texts = [f"text {i}" for i in range(40)]
        calls: list[Callable[[], object]] = [
            lambda: stalled.batch_post("/same", texts),
            lambda: stalled.embed(texts, "m", batch_size=1),
            lambda: stalled_body.embed(texts, "m", batch_size=1),
            lambda: stalled.rerank("query", texts, batch_size=1),
            lambda: stalled.classify(texts, batch_size=1),
        ]
        for call in calls:
            server.reset()
            watcher = interrupt_when(lambda: server.statistics().requests_active == 40)
            try:
                call()
            except KeyboardInterrupt as interrupt:
                ended = time.monotonic()
                assert interrupt.__context__ is None and interrupt.__cause__ is None
            else:
                raise AssertionError("not interrupted")
            eventually(lambda: server.statistics().requests_aborted == 40)
            # 50 ms are promised; the server's counting, and a busy machine, are in this figure too.
            assert time.monotonic() - ended < 3.0
            watcher.join()
            assert client.batch_post("/same", texts).data == texts
            assert client.embed(texts, "m").numpy().shape == (40, 384)
    print("done")


main()
