# python: -W error
"""The interpreter ends with open clients, idle and busy, and with one that closes at exit: clean, quick and silent."""

from __future__ import annotations

import asyncio
import atexit
import threading

from shared.patience import eventually

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server

server = Server()
wrapper = HttpClientWrapper()
idle = PerformanceClient(server.url, "key", client_wrapper=wrapper)
idle.batch_post("/same", [1])
busy = PerformanceClient(server.faulty(stall=True), "key")
threading.Thread(target=busy.batch_post, args=("/same", [1, 2]), daemon=True).start()
closing = PerformanceClient(server.faulty(stall=True), "key", connect_timeout_s=7)


async def main() -> None:
    closing.async_batch_post("/same", [1, 2])
    await asyncio.to_thread(eventually, lambda: server.statistics().requests_active == 4)


asyncio.run(main())
atexit.register(closing.close)
atexit.register(wrapper.close)
atexit.register(server.close)
print("done")
