"""The child process: one peer, one workload; warm-up, timed repetitions, checked answers, one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.correctness import checksum
from bench.peers import PEERS
from bench.usage import Clocks, peak_rss_mb
from bench.workloads import Amount, Workload


def measure(peer: Any, workload: Workload, amount: Amount, url: str) -> dict[str, Any]:
    """Carries the workload out and returns the repetitions (seconds per repetition) and the peak memory.

    The peak is read before the answers are checked, so the check's own memory does not count (but for what a later
    repetition reuses of it).
    """
    operation = getattr(peer, workload.kind)
    warm_up_inputs = workload.inputs(amount.warm_up, url)
    warm_up_start = time.perf_counter()
    kept = [operation(warm_up_inputs)]
    warm_up_s = time.perf_counter() - warm_up_start
    if not workload.kept:
        kept.clear()
    requests = amount.sized(warm_up_s)
    before_mb = peak_rss_mb()
    repetitions = []
    for _ in range(workload.repetitions):
        inputs = workload.inputs(requests, url)
        clocks = Clocks()
        answers = operation(inputs)
        used = clocks.read()
        peak_mb = peak_rss_mb()
        repetitions.append(
            {
                **used,
                "peak_rss_mb": peak_mb,
                "checksum": checksum(workload, requests, answers),
            }
        )
        if workload.kept:
            kept.append(answers)
        del answers
    return {"requests": requests, "warm_up": amount.warm_up, "rss_before_mb": before_mb, "repetitions": repetitions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workload", help="the fields of a Workload, as a JSON object")
    parser.add_argument("amount", help="the fields of an Amount, as a JSON object")
    parser.add_argument("url", help="base URL of the server, without the route")
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    if arguments.uvloop:
        asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    workload = Workload(**json.loads(arguments.workload))
    amount = Amount(**json.loads(arguments.amount))
    url = f"{arguments.url}/{workload.route}"
    module = importlib.import_module(PEERS[arguments.peer].module)
    peer = module.Peer(url, workload.batch, workload.concurrency, workload.https or 1)
    result = measure(peer, workload, amount, url)
    peer.close()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
