"""Memory that runs out while completions are made: MemoryError, and whatever had arrived is freed."""

from __future__ import annotations

import importlib.util
from itertools import cycle
from typing import Any

from shared.usage import expect_flat

from baseten_perf import PerformanceClient, engine
from baseten_perf.testing import Server

BIG = [{"text": "x" * 20000}] * 32  # answers beyond what is copied


def main() -> None:
    import _testcapi

    drain = engine.OperationHandle.drain
    granted = cycle(range(0, 150, 3))  # allocations before they begin to fail
    starved = 0

    class Starved(engine.OperationHandle):
        """Drains once, when all is there and memory runs out."""

        def drain(self, arrived: Any) -> None:
            if not self.over:
                return
            _testcapi.set_nomemory(next(granted))
            try:
                drain(self, arrived)
            finally:
                _testcapi.remove_mem_hooks()

    with Server() as server:
        client = PerformanceClient(server.url, "key")
        client.batch_post("/same", BIG)
        engine.OperationHandle = Starved  # type: ignore[misc]

        def call() -> None:
            nonlocal starved
            try:
                client.batch_post("/same", BIG)
            except MemoryError:
                starved += 1

        expect_flat(call, client, warm_up=50, rounds=100)
        assert starved >= 100, starved


if importlib.util.find_spec("_testcapi") is not None:  # which not every build of Python has
    main()
print("done")
