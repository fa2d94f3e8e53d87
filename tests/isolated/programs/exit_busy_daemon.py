"""The program ends while daemon threads make one quick call after another."""

from __future__ import annotations

import threading

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.url, "key")


def use() -> None:
    # Calls may end or fail as they like once the server or the process goes; what counts is that nothing crashes.
    try:
        while True:
            client.embed([f"text {i}" for i in range(8)], "m", batch_size=2)
    except Exception:
        pass


for _ in range(6):
    threading.Thread(target=use, daemon=True).start()
eventually(lambda: server.statistics().requests > 200)
print("done")
