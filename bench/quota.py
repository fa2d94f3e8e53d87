"""Quotas that the user tells: the most and the least that servers see in any 60 seconds, beside the limit.

For each case a client with a limit streams requests to a server of its own that records when each one came and what it
counted: for a little longer than a minute, so that there are many windows of 60 seconds, all cases at the same time.
The targets: never more than the limit in any window, and 97 % of it used in each; 5 % about it where tokens are
estimated.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, RecordedRequest, Server

_WINDOW_S = 60.0
_FAIR = Faults(latency=0.05)
_WORDS = ("a", "of", "words", "tokenisation", "über", "vectors", "données", "x")


@dataclass(frozen=True)
class Case:
    """A limit, what is sent under it, and what a request costs; `slack` is the share of the limit that it may miss."""

    title: str
    limits: dict[str, Any]
    per_minute: float
    cost: Callable[[RecordedRequest], float]
    clients: int = 1
    faults: Faults = _FAIR
    batch_size: int = 1
    slack: float = 0.0


def words(text: str) -> int:
    """The tokens of a text, as the test server counts them."""
    return len(text.split())


def _tokens(request: RecordedRequest) -> float:
    return sum(map(words, json.loads(request.body)["input"]))


def _one(request: RecordedRequest) -> float:
    return 1.0


CASES = (
    Case("6000 requests", {"max_requests_per_minute": 6000}, 6000, _one),
    Case("600 requests, 5 % of them fail", {"max_requests_per_minute": 600}, 600, _one,
         faults=Faults(status=500, every=20, latency=0.05)),
    Case("1200 requests shared by 4", {"max_requests_per_minute": 1200, "share": 4}, 1200, _one, clients=4),
    Case("240 000 tokens, counted", {"max_tokens_per_minute": 240_000, "count_tokens": words}, 240_000, _tokens,
         batch_size=8),
    Case("240 000 tokens, estimated", {"max_tokens_per_minute": 240_000}, 240_000, _tokens, batch_size=8, slack=0.05),
)  # fmt: skip


def texts(seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    while True:
        yield " ".join(chance.choices(_WORDS, k=chance.randrange(5, 60)))


async def use(client: PerformanceClient, case: Case, number: int, seconds: float) -> None:
    """Embed for so long."""
    source = texts(number)
    async with client.iter_embed(source, "m", batch_size=case.batch_size, max_chars_per_request=100_000,
                                 dimensions=1) as stream:  # fmt: skip
        end = asyncio.get_running_loop().time() + seconds
        async for _ in stream:
            if asyncio.get_running_loop().time() >= end:
                return


async def measure(case: Case, seconds: float) -> tuple[float, float]:
    """The most in any window, and the least in any that lies within the measurement; in shares of the limit."""
    with Server(record=True, faults=case.faults) as server:
        clients = [PerformanceClient(server.url, "bench", **case.limits) for _ in range(case.clients)]
        await asyncio.gather(*(use(client, case, number, seconds) for number, client in enumerate(clients)))
        requests = sorted(server.requests(), key=lambda request: request.time)
    times, costs = [request.time for request in requests], [case.cost(request) for request in requests]
    most, least, spent, first = 0.0, float("inf"), 0.0, 0
    for at, cost in zip(times, costs, strict=True):
        while times[first] <= at - _WINDOW_S:
            # The window before this request came, behind the one that leaves it.
            least = min(least, spent)
            spent -= costs[first]
            first += 1
        spent += cost
        most = max(most, spent)
    return most / case.per_minute, least / case.per_minute


async def _run(seconds: float) -> int:
    told = await asyncio.gather(*(measure(case, seconds) for case in CASES))
    missed = 0
    print(f"{'a minute':32} {'most':>7} {'least':>7}   of the limit in any {_WINDOW_S:.0f} s")
    for case, (most, least) in zip(CASES, told, strict=True):
        met = most <= 1 + case.slack and least >= 0.97 - case.slack
        missed += not met
        print(f"{case.title:32} {most:7.2%} {least:7.2%}   {'met' if met else 'MISSED'}")
    return missed


def main() -> int:
    """Returns the exit code: how many targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0, help="of each case, more than 60 (90)")
    return asyncio.run(_run(parser.parse_args().seconds))


if __name__ == "__main__":
    sys.exit(main())
