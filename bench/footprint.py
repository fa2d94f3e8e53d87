"""The child process of memory.py: does what its memory is watched for; one line of JSON when it is done."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.peers import PEERS
from bench.usage import rss_mb

_REST_S = 0.3  # so that the plot shows what remains, too
_POSTS_A_CALL = 10_000


def embed(peer: Any, inputs: int) -> dict[str, Any]:
    """One large embed(); its array is kept until after the clock has stopped."""
    array = peer.embed([f"text {number}" for number in range(inputs)])
    return {"array_mb": array.nbytes / 1e6, "after_mb": rss_mb()}


def posts(peer: Any, requests: int) -> dict[str, Any]:
    """Many tiny requests in calls of 10 000: the resident memory after each call, which must not grow."""
    payloads = [{"id": number, "text": "hello"} for number in range(_POSTS_A_CALL)]
    after_mb = []
    for _ in range(max(requests // _POSTS_A_CALL, 2)):
        peer.post(payloads)
        after_mb.append(rss_mb())
    return {"after_mb": after_mb}


def connections(peer: Any, concurrency: int) -> dict[str, Any]:
    """What idle connections cost: memory with one and with many open, after a slow answer on each.

    Whatever the client keeps with a connection counts: its handles, buffers and threads.
    """
    peer.post([{"id": 0, "text": "hello"}])
    before_mb, before = rss_mb(), _sockets()
    peer.post([{"id": number, "text": "hello"} for number in range(concurrency)])
    after_mb, after = rss_mb(), _sockets()
    opened = after - before
    return {"connections": opened, "kb_each": (after_mb - before_mb) * 1e3 / opened if opened else None}


def _sockets() -> int:
    """Open sockets of this process."""
    count = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
        except FileNotFoundError:  # the one of this very listing
            continue
    return count


SCENARIOS: dict[str, Callable[[Any, int], dict[str, Any]]] = {
    "embed": embed, "posts": posts, "connections": connections
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("url", help="base URL with its route")
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("amount", type=int)
    parser.add_argument("batch", type=int)
    parser.add_argument("concurrency", type=int)
    arguments = parser.parse_args()
    module = importlib.import_module(PEERS[arguments.peer].module)
    peer = module.Peer(arguments.url, arguments.batch, arguments.concurrency)
    before_mb, start = rss_mb(), time.monotonic()
    result = SCENARIOS[arguments.scenario](peer, arguments.amount)
    end = time.monotonic()
    time.sleep(_REST_S)
    peer.close()
    print(json.dumps({"before_mb": before_mb, "start": start, "end": end, **result}), flush=True)


if __name__ == "__main__":
    main()
