"""A daemon thread begins a call when the process ends already: neither an answer nor a word."""

from __future__ import annotations

import atexit
import threading

ends = threading.Event()


def late() -> None:
    ends.set()
    thread.join(0.5)
    assert thread.is_alive(), "the call has returned, or raised"
    print("done")


atexit.register(late)  # before the import, and so it runs after ours

from baseten_perf import PerformanceClient  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402

server = Server()
client = PerformanceClient(server.url, "key")
assert client.batch_post("/same", [1]).data == [1]


def begin() -> None:
    ends.wait()
    client.batch_post("/same", [2])


thread = threading.Thread(target=begin, daemon=True)
thread.start()
