"""A child cancels and drops the parent's calls: that touches neither the child's descriptors nor the parent's calls."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.faulty(latency=1.0), "key")
        loop = asyncio.new_event_loop()

        async def start() -> list[asyncio.Future[object]]:
            return [client.async_batch_post("/same", [i] * 4) for i in range(20)]

        futures = loop.run_until_complete(start())
        eventually(lambda: server.statistics().requests_active == 80)

        def child() -> None:
            # These take the numbers of whatever the child closed after the fork.
            files = [tempfile.TemporaryFile(buffering=0) for _ in range(60)]  # noqa: SIM115
            for future in futures:
                future.cancel()
            futures.clear()
            gc.collect()
            fast = PerformanceClient(server.url, "key")
            assert fast.batch_post("/same", [1, 2]).data == [1, 2]
            written = [file.fileno() for file in files if os.fstat(file.fileno()).st_size]
            assert not written, f"something wrote into descriptors {written} of the child's own files"

        children = [fork(child) for _ in range(3)]
        for pid in children:
            expect_success(pid)

        async def finish() -> None:
            answers = await asyncio.gather(*futures)
            assert [answer.data for answer in answers] == [[i] * 4 for i in range(20)]

        loop.run_until_complete(finish())
        loop.close()
        assert server.statistics().requests_aborted == 0
    print("done")


main()
