"""A second loop is started for a call of few requests when they have many rows to decode, and for no smaller one."""

from __future__ import annotations

import os

os.environ["BASETEN_PERF_LOOPS"] = "2"

from shared.usage import threads

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(128)]


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        alone = threads()
        assert client.embed(TEXTS[:8], "m", batch_size=4).data[7].index == 7
        assert threads() == alone + 1
        assert client.embed(TEXTS, "m", batch_size=64).data[127].index == 127
        assert threads() == alone + 2
    print("done")


main()
