"""Large results are kept, none dropped, in a process with few descriptors: results must not use those up."""

from __future__ import annotations

import os
import resource

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(16)]
DIMENSIONS = 65536  # 4 MiB of rows


def main() -> None:
    with Server() as server:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, most))
        client = PerformanceClient(server.url, "key")
        kept = []
        for _ in range(36):
            kept.append(client.embed(TEXTS, "m", "base64", DIMENSIONS, batch_size=8))
            with open(os.devnull) as file:
                assert file.fileno() < 32
            assert client.batch_post("/same", [1]).data == [1]
        assert kept[0].numpy().shape == kept[-1].numpy().shape == (16, DIMENSIONS)
        assert kept[0].data[3].embedding == kept[-1].data[3].embedding
    print("done")


main()
