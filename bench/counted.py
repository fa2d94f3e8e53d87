"""The child process of instructions.py: a workload several times, each time between two marks for callgrind.

No checks of the answers; the inputs are made before the first mark.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.callgrind import mark
from bench.peers import PEERS
from bench.workloads import Workload


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workload", help="the fields of a Workload, as a JSON object")
    parser.add_argument("url", help="base URL of the server, without the route")
    parser.add_argument("times", type=int)
    arguments = parser.parse_args()
    workload = Workload(**json.loads(arguments.workload))
    url = f"{arguments.url}/{workload.route}"
    peer = importlib.import_module(PEERS[arguments.peer].module).Peer(url, workload.batch, workload.concurrency)
    operation = getattr(peer, workload.kind)
    inputs = workload.inputs(workload.requests, url)
    operation(inputs[: workload.concurrency * workload.batch])
    operation(inputs)
    for _ in range(arguments.times):
        mark()
        answers = operation(inputs)
        assert len(answers) == len(inputs)
        del answers
    mark()
    peer.close()


if __name__ == "__main__":
    main()
