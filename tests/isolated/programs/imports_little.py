"""Importing baseten_perf loads neither numpy nor requests nor asyncio, and starts no thread."""

from __future__ import annotations

import os
import sys

import baseten_perf

for name in ("numpy", "requests", "asyncio", "tqdm", "certifi", "urllib3"):
    assert name not in sys.modules, name
try:
    raise baseten_perf.InvalidResponse("one")
except baseten_perf.RequestFailed as error:
    assert error.partial == [] and error.batch_index is None
assert issubclass(baseten_perf.OperationCancelled, baseten_perf.RequestFailed)
assert "requests" not in sys.modules
assert sorted(name for name in baseten_perf.__all__ if not hasattr(baseten_perf, name)) == []
assert "requests" in sys.modules  # now: the error classes have been asked for

client = baseten_perf.PerformanceClient("http://127.0.0.1:9", "key")
assert len(os.listdir("/proc/self/task")) == 1
assert "numpy" not in sys.modules
print("done")
