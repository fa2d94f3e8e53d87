"""A call by an exit handler that was registered before the import, and so runs after ours: works, or fails at once."""

from __future__ import annotations

import atexit


def late() -> None:
    try:
        assert client.batch_post("/same", [1, 2]).data == [1, 2]
        assert PerformanceClient(server.url, "key").batch_post("/same", [1, 2]).data == [1, 2]
    except RuntimeError as refused:
        assert str(refused)
    server.close()
    print("done")


atexit.register(late)

from baseten_perf import PerformanceClient  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402

server = Server()
client = PerformanceClient(server.url, "key")
assert client.batch_post("/same", [1, 2]).data == [1, 2]
