"""Python signal handlers run during a blocking call, which goes on; one that raises ends it with its own exception."""

from __future__ import annotations

import os
import signal
import threading

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


class Ring(Exception):
    pass


def main() -> None:
    with Server() as server:
        slow = PerformanceClient(server.faulty(latency=1.5), "key")
        seen: list[int] = []
        counted = {signal.SIGUSR1: 0, signal.SIGALRM: 0}

        def count(number: int, frame: object) -> None:
            counted[signal.Signals(number)] += 1
            seen.append(server_active[0])

        server_active = [0]
        signal.signal(signal.SIGUSR1, count)
        signal.signal(signal.SIGALRM, count)

        def send() -> None:
            eventually(lambda: server.statistics().requests_active == 8)
            server_active[0] = 8
            for expected in range(1, 4):
                os.kill(os.getpid(), signal.SIGUSR1)
                eventually(lambda expected=expected: counted[signal.SIGUSR1] == expected, 1.0)
            server_active[0] = server.statistics().requests_active

        sender = threading.Thread(target=send)
        sender.start()
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        assert slow.batch_post("/same", [1] * 8).data == [1] * 8
        signal.setitimer(signal.ITIMER_REAL, 0)
        sender.join()
        assert counted[signal.SIGUSR1] == 3, counted
        assert counted[signal.SIGALRM] >= 5, counted
        assert server_active[0] == 8, "the signals came while the call was in flight"

        def ring(number: int, frame: object) -> None:
            raise Ring

        signal.signal(signal.SIGALRM, ring)
        stalled = PerformanceClient(server.faulty(stall=True), "key")
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        server.reset()
        try:
            stalled.batch_post("/same", [1] * 8)
        except Ring as rung:
            assert rung.__context__ is None and rung.__cause__ is None
        else:
            raise AssertionError("not rung")
        eventually(lambda: server.statistics().requests_active == 0)
        assert slow.batch_post("/same", [1]).data == [1]
    print("done")


main()
