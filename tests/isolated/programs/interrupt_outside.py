"""Ctrl-C outside a call, and Ctrl-C that lands while a thread has a call: neither does harm to any call."""

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
        for _ in range(3):
            try:
                os.kill(os.getpid(), signal.SIGINT)
                eventually(lambda: False)
            except KeyboardInterrupt:
                pass
            assert client.batch_post("/same", [1, 2]).data == [1, 2]

        slow = PerformanceClient(server.faulty(latency=0.5), "key")
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(slow.batch_post("/same", [3] * 20).data))
        thread.start()
        try:
            eventually(lambda: server.statistics().requests_active == 20)
            os.kill(os.getpid(), signal.SIGINT)
            eventually(lambda: False)
        except KeyboardInterrupt:
            pass
        thread.join()
        assert answers == [[3] * 20]
        assert server.statistics().requests_aborted == 0
    print("done")


main()
