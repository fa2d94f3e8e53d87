"""Many requests in foul weather, each accounted for: `python tests/soak/soak.py --requests 300000 --seed 1`.

A tenth of the requests (`--share`) meets one of 24 faults, drawn by the seed. Each request must end in the one way that
its fault allows, the server must have seen as many attempts as that takes, and at the end nothing is in flight, no
descriptor is left open, and the memory has not grown. Exits with 0, or says what does not add up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

from kinds import ELSEWHERE, FAULTS, FINE, HERE, TARGET, Kind

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

MAX_RETRIES = 2
MOST_GROWTH_KIB = 24 * 1024
SETTLED = 0.2  # share of the requests after which the memory shall grow no more
SECONDS_TO_SETTLE = 15.0


class Ledger:
    """What was asked, how it ended, and what was wrong with that."""

    def __init__(self, requests: int) -> None:
        self.requests = requests
        self.asked: Counter[Kind] = Counter()
        self.ended = 0
        self.refused = 0  # attempts beyond those of their kind, which were no retries, since others failed as well
        self.wrong: list[str] = []
        self._settled_kib = 0

    def enter(self, kind: Kind, number: int, wrong: str | None) -> None:
        """A request has ended."""
        self.ended += 1
        if wrong is not None:
            self.wrong.append(f"request {number} ({kind.name}): {wrong}")
        if self.ended == int(self.requests * SETTLED):
            self._settled_kib = resident_kib()
        if sys.stderr.isatty() and self.ended % 1000 == 0:
            print(f"\r{self.ended:,} of {self.requests:,}, {len(self.wrong)} wrong", end="", file=sys.stderr)

    def close(self, by_path: dict[str, int]) -> None:
        """All requests have ended, and the server counted so many on each path."""
        if self.ended != sum(self.asked.values()) or self.ended != self.requests:
            self.wrong.append(f"{self.requests} requests, {sum(self.asked.values())} asked, {self.ended} ended")
        expected = {
            HERE: sum(kind.attempts * count for kind, count in self.asked.items()) + self.refused,
            ELSEWHERE: sum(count for kind, count in self.asked.items() if kind.redirected),
        }
        for path in sorted({*expected, *by_path}):
            if expected.get(path, 0) != by_path.get(path, 0):
                self.wrong.append(f"{path}: {by_path.get(path, 0)} attempts at the server, not {expected.get(path, 0)}")
        grown = resident_kib() - self._settled_kib
        if grown > MOST_GROWTH_KIB:
            self.wrong.append(f"memory grew by {grown} KiB after the first {SETTLED:.0%}")


def resident_kib() -> int:
    """This process's memory, where the system tells it; else 0."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


def descriptors() -> int:
    """Open descriptors of this process."""
    return len(os.listdir("/dev/fd"))


def settled_descriptors() -> int:
    """Open descriptors once their number stays: a dropped client closes its own in the background."""
    counts = [descriptors()]
    while len(counts) < 10 or len(set(counts[-10:])) > 1:
        gc.collect()
        time.sleep(0.1)
        counts.append(descriptors())
    return counts[-1]


def drawn(requests: int, share: float, seed: int) -> Iterator[tuple[int, Kind]]:
    """The requests in their order: number and kind."""
    dice = random.Random(seed)
    for number in range(requests):
        yield number, dice.choice(FAULTS) if dice.random() < share else FINE


async def send(
    client: PerformanceClient, preference: RequestProcessingPreference, ledger: Ledger, kind: Kind, number: int
) -> str | None:
    """One request; returns what was wrong with its end."""
    payload = {"number": number, "weather": kind.name, "text": "." * (number % 1000)}
    try:
        response = await client.async_batch_post(TARGET, [payload], preference=preference)
    except Exception as error:
        # Where many fail, some of their attempts are refusals, which use up no retry: the error has counted them.
        beyond = getattr(error, "attempts", kind.attempts) - kind.attempts
        ledger.refused += beyond
        return kind.mistake(error) or (f"only {kind.attempts + beyond} attempts" if beyond < 0 else None)
    if kind.error is not None:
        return f"no {kind.error}"
    return None if response.data == [payload] else f"another answer than the payload: {response.data!r:.200}"


async def weather(
    client: PerformanceClient,
    preference: RequestProcessingPreference,
    ledger: Ledger,
    todo: Iterator[tuple[int, Kind]],
    at_a_time: int,
) -> None:
    """Send all requests, so many at a time."""

    async def one_after_another() -> None:
        for number, kind in todo:
            ledger.asked[kind] += 1
            ledger.enter(kind, number, await send(client, preference, ledger, kind, number))

    await asyncio.gather(*(one_after_another() for _ in range(at_a_time)))


def settle(server: Server, before: int) -> str | None:
    """Wait until nothing is in flight and no descriptor is left; returns what remains after all."""
    end = time.monotonic() + SECONDS_TO_SETTLE
    while True:
        gc.collect()
        active, left = server.statistics().requests_active, descriptors() - before
        if active == 0 and left <= 0:
            return None
        if time.monotonic() > end:
            return f"{active} requests still in flight, {left} descriptors left open"
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.1, help="of the requests that meet a fault")
    parser.add_argument("--at-a-time", type=int, default=128)
    parser.add_argument("--timeout-s", type=float, default=5.0, help="of each attempt; stalled ones wait for it")
    arguments = parser.parse_args()

    began = time.monotonic()
    ledger = Ledger(arguments.requests)
    preference = RequestProcessingPreference(
        timeout_s=arguments.timeout_s, max_retries=MAX_RETRIES, initial_backoff_ms=50, retry_budget_pct=3.0
    )
    with Server() as server:
        client = PerformanceClient(server.url, "sk-soak")
        # What a process needs once is there after one request: one wake-up descriptor of its latest event loop.
        asyncio.run(weather(client, preference, Ledger(1), drawn(1, 0.0, 0), 1))
        del client
        before = settled_descriptors()
        server.reset()
        client = PerformanceClient(server.url, "sk-soak")
        todo = drawn(arguments.requests, arguments.share, arguments.seed)
        asyncio.run(weather(client, preference, ledger, todo, arguments.at_a_time))
        ledger.close(server.statistics().requests_by_path)
        del client
        if (remains := settle(server, before)) is not None:
            ledger.wrong.append(remains)

    faulty = sum(count for kind, count in ledger.asked.items() if kind is not FINE)
    kinds = len(ledger.asked.keys() - {FINE})
    print(
        f"seed {arguments.seed}: {ledger.ended:,} requests, {faulty:,} of them with faults of {kinds} kinds, "
        f"in {time.monotonic() - began:.0f} s; wrong: {len(ledger.wrong)}"
    )
    for line in ledger.wrong[:50]:
        print(f"  {line}")
    return 1 if ledger.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
