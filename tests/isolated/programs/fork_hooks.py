"""Fork with hooks of the program's, between which other threads run; they begin calls all the time."""

from __future__ import annotations

import itertools
import os
import threading
import time

# Hooks run in reverse order: this one after those that were registered later, if there are any.
os.register_at_fork(before=lambda: time.sleep(0.002))

from shared.children import expect_success, fork  # noqa: E402

from baseten_perf import PerformanceClient  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402


def main() -> None:
    over = threading.Event()

    with Server() as server:
        client = PerformanceClient(server.url, "key")

        def call() -> None:
            # Each model may have a quota of its own, which is known to the engine.
            for number in itertools.count():
                if over.is_set():
                    break
                client.embed(["text"], f"model {threading.get_ident()} {number}")

        calling = [threading.Thread(target=call) for _ in range(3)]
        for thread in calling:
            thread.start()
        try:
            for _ in range(100):
                expect_success(fork(lambda: None))
        finally:
            over.set()
            for thread in calling:
                thread.join()
    print("done")


main()
