"""The program ends while daemon threads wait in blocking calls."""

from __future__ import annotations

import threading

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.faulty(stall=True), "key")
for number in range(8):
    calls = [
        lambda: client.batch_post("/same", [1] * 4),
        lambda: client.embed(["text"] * 4, "m", batch_size=1),
    ]
    threading.Thread(target=calls[number % 2], daemon=True).start()
eventually(lambda: server.statistics().requests_active == 32)
print("done")
