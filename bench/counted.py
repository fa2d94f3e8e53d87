"""The child process of instructions.py: N or 2N requests with the same preparations, and no checks of the answers.

Inputs for all 2N are made in both cases, so that the difference of two counts is what the requests themselves need.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.peers import PEERS
from bench.workloads import Workload


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workload", help="the fields of a Workload, as a JSON object; its `requests` are N")
    parser.add_argument("url", help="base URL of the server, without the route")
    parser.add_argument("times", type=int, choices=(1, 2))
    arguments = parser.parse_args()
    workload = Workload(**json.loads(arguments.workload))
    url = f"{arguments.url}/{workload.route}"
    peer = importlib.import_module(PEERS[arguments.peer].module).Peer(url, workload.batch, workload.concurrency)
    operation = getattr(peer, workload.kind)
    inputs = workload.inputs(2 * workload.requests, url)
    operation(inputs[: workload.concurrency * workload.batch])
    answers = operation(inputs[: arguments.times * len(inputs) // 2])
    assert len(answers) == arguments.times * len(inputs) // 2
    peer.close()


if __name__ == "__main__":
    main()
