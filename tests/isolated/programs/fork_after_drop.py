"""Calls aborted and a client dropped before the fork: the child sweeps up nothing of its parent's."""

from __future__ import annotations

import gc
import os
import signal
import tempfile

from shared.children import expect_success, fork
from shared.patience import eventually
from shared.usage import threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


class Ring(Exception):
    pass


def ring(number: int, frame: object) -> None:
    raise Ring


def main() -> None:
    signal.signal(signal.SIGALRM, ring)
    with Server() as server:
        url = server.faulty(stall=True)
        for _ in range(5):
            client = PerformanceClient(url, "key")
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            try:
                client.batch_post("/same", list(range(64)))
            except Ring as rung:
                rung.__traceback__ = None
            del client
            gc.collect()
            eventually(lambda: threads() == 1)

            def child() -> None:
                files = [tempfile.TemporaryFile(buffering=0) for _ in range(60)]  # noqa: SIM115
                fast = PerformanceClient(server.url, "key")
                assert fast.batch_post("/same", [1, 2]).data == [1, 2]
                for file in files:
                    os.fstat(file.fileno())
                assert not any(os.fstat(file.fileno()).st_size for file in files)

            expect_success(fork(child))
    print("done")


main()
