"""A handler raises at any moment of a blocking call, from its first line to its last: no crash, the client goes on.

So it is while batches are divided, and what had arrived is whole.
"""

from __future__ import annotations

import random
import signal

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server


class Ring(Exception):
    pass


def ring(number: int, frame: object) -> None:
    raise Ring


def main() -> None:
    signal.signal(signal.SIGALRM, ring)
    chance = random.Random(1)
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        picky = PerformanceClient(server.url + Faults(containing='"bad"', status=400).prefix, "key")
        texts = ["x" * 3000] * 400
        some_bad = ["bad" if i in (7, 207) else "x" for i in range(400)]
        rung = 0
        for number in range(90):
            try:
                longest = 0.1 if number % 3 == 2 else 0.02
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0003, longest))
                if number % 3 == 2:
                    picky.embed(some_bad, "m", dimensions=8, batch_size=50, return_exceptions=True)
                elif number % 3:
                    client.batch_post("/same", texts, max_concurrent_requests=64)
                else:
                    client.embed(texts, "m", dimensions=8, batch_size=50, max_concurrent_requests=16)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Ring as raised:
                rung += 1
                if number % 3 == 2 and hasattr(raised, "partial"):
                    vectors = [item and item.embedding for item in raised.partial]
                    assert len(vectors) == 400 and not vectors[7] and not vectors[207]
        assert rung > 20, rung
        assert client.batch_post("/same", [1, 2]).data == [1, 2]
    print("done")


main()
