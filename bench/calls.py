"""The child process of latency.py: one peer, single calls of one tiny payload, each one timed; one line of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.peers import PEERS
from bench.peers.lanes import in_lanes
from bench.server.canned import TINY

# Where the distribution is kept: dense towards the slow end, which is what is asked about.
QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0)


def timed_sync(peer: Any, calls: int) -> list[int]:
    """Nanoseconds of each call, one after the other, blocking."""
    durations = []
    for number in range(calls):
        payload = [{"id": number, "text": "hello"}]
        start = time.perf_counter_ns()
        answers = peer.post_one_by_one(payload)
        durations.append(time.perf_counter_ns() - start)
        _require_right(answers[0])
    return durations


def timed_async(peer: Any, calls: int, concurrency: int) -> list[int]:
    """Nanoseconds from each call to the await's end, with so many calls at a time on one event loop."""
    durations = []

    async def call(number: int) -> None:
        start = time.perf_counter_ns()
        answer = await peer.post_one({"id": number, "text": "hello"})
        durations.append(time.perf_counter_ns() - start)
        _require_right(answer)

    peer.loop.run_until_complete(in_lanes(call, range(calls), concurrency))
    return durations


def _require_right(answer: Any) -> None:
    if answer != TINY:
        raise SystemExit(f"WrongAnswer: {answer!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("url", help="base URL with the route of the tiny answer")
    parser.add_argument("way", choices=("sync", "async"))
    parser.add_argument("concurrency", type=int)
    parser.add_argument("calls", type=int)
    parser.add_argument("seconds", type=float, help="fewer calls when they would take longer")
    arguments = parser.parse_args()
    module = importlib.import_module(PEERS[arguments.peer].module)

    def timed(calls: int) -> list[int]:
        if arguments.way == "sync":
            return timed_sync(peer, calls)
        return timed_async(peer, calls, arguments.concurrency)

    start = time.perf_counter()
    peer = module.Peer(arguments.url, 1, arguments.concurrency)
    timed(1)
    first_call_s = time.perf_counter() - start
    warm_up = max(20, 2 * arguments.concurrency)
    start = time.perf_counter()
    timed(warm_up)
    rate = warm_up / (time.perf_counter() - start)
    durations = timed(min(arguments.calls, max(warm_up, int(rate * arguments.seconds))))
    microseconds = numpy.quantile(numpy.array(durations) / 1e3, QUANTILES)
    peer.close()
    result = {"calls": len(durations), "first_call_s": first_call_s, "quantiles_us": microseconds.tolist()}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
