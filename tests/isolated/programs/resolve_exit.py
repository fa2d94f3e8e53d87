"""The program ends while look-ups are out that nothing will ever answer."""

from __future__ import annotations

import asyncio
import threading

from shared import names

names.begin()

from baseten_perf import PerformanceClient  # noqa: E402

for number in range(3):
    client = PerformanceClient(f"http://never{number}.test", "key")
    threading.Thread(target=client.batch_post, args=("/x", list(range(100))), daemon=True).start()
    names.expect_asked(f"never{number}.test", 1)


async def main() -> None:
    call = client.async_batch_post("/x", [1] * 50)
    await asyncio.sleep(0)
    del call


asyncio.run(main())
print("done")
