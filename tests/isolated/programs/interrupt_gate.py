"""Ctrl-C while a blocking call waits at a closed gate: KeyboardInterrupt at once, and the client goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server

TEXTS = [f"text {i}" for i in range(40)]


def main() -> None:
    with Server() as server:
        for number in range(3):
            client = PerformanceClient(
                server.faulty(
                    Faults(status=429, retry_after_ms=150, containing="text"), Faults(containing="free"),
                ), f"key {number}",
            )  # fmt: skip
            calls: list[Callable[[], object]] = [
                lambda client=client: client.batch_post("/same", TEXTS),  # type: ignore[misc]
                lambda client=client: client.batch_post("/same", ["text"]),  # type: ignore[misc]
                lambda client=client: client.embed(TEXTS, "m", batch_size=1),  # type: ignore[misc]
                lambda client=client: client.rerank("query", TEXTS, batch_size=1),  # type: ignore[misc]
            ]
            for call in calls:
                server.reset()

                def interrupt() -> None:
                    eventually(lambda: server.statistics().requests > 0)
                    eventually(lambda: server.statistics().requests_active == 0)
                    os.kill(os.getpid(), signal.SIGINT)

                watcher = threading.Thread(target=interrupt)
                watcher.start()
                try:
                    call()
                except KeyboardInterrupt as interrupted:
                    assert interrupted.__context__ is None and interrupted.__cause__ is None
                else:
                    raise AssertionError("not interrupted")
                watcher.join()
                assert client.batch_post("/same", ["free"]).data == ["free"]
    print("done")


main()
