"""A handler raises at any moment of a blocking call, from its first line to its last: no crash, the client goes on."""

from __future__ import annotations

import random
import signal

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


class Ring(Exception):
    pass


def ring(number: int, frame: object) -> None:
    raise Ring


def main() -> None:
    signal.signal(signal.SIGALRM, ring)
    chance = random.Random(1)
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        texts = ["x" * 3000] * 400
        rung = 0
        for number in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0003, 0.02))
                if number % 2:
                    client.batch_post("/same", texts, max_concurrent_requests=64)
                else:
                    client.embed(texts, "m", dimensions=8, batch_size=50, max_concurrent_requests=16)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Ring:
                rung += 1
        assert rung > 20, rung
        assert client.batch_post("/same", [1, 2]).data == [1, 2]
    print("done")


main()
