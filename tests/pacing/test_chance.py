"""Servers that refuse by chance, whatever comes, and servers that only look like them; the clock is made up."""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from baseten_perf.engine._engine import PaceDriver

SUCCESS, REFUSED, SOFT = 2, 3, 4
ALONE, BACK_OFF = 3, 4
ROUND_TRIP_S, REFUSAL_S = 0.02, 0.001

# What a server does with a request that comes at an instant: (its status, seconds of Retry-After, seconds of its work).
Server = Callable[[float], "tuple[int, float, float]"]


@dataclass
class Played:
    seconds: float = 0.0
    sent: int = 0
    refused: int = 0


@dataclass
class Client:
    """A call of many requests, so many at a time, at a server; steps of a clock in the place of sockets."""

    server: Server
    requests: int
    at_a_time: int = 32
    now: float = 1000.0
    ready: int = 0
    flying: int = 0
    done: int = 0
    events: list[tuple[float, int, str, int, int, float]] = field(default_factory=list)
    played: Played = field(default_factory=Played)

    def play(self) -> Played:
        driver = PaceDriver(1)
        self.ready = self.requests
        while self.done < self.requests:
            look_again = 1e300
            while self.ready and self.flying < self.at_a_time:
                permit, look_again = driver.take(0, self.now)
                if permit is None:
                    break
                self._start(permit)
            if not self.ready:
                driver.leave(0)
            if self.events and (self.flying >= self.at_a_time or not self.ready or self.events[0][0] <= look_again):
                self._take(driver)
            else:
                assert look_again < 1e300, "nobody will tell the call to look again"
                self.now = max(self.now, look_again)
        self.played.seconds = self.now - 1000.0
        return self.played

    def _start(self, permit: int) -> None:
        self.ready -= 1
        self.flying += 1
        self.played.sent += 1
        signal, retry_after, work = self.server(self.now)
        self._later(work, "answer", permit, signal, retry_after)

    def _later(self, wait: float, what: str, permit: int = 0, signal: int = 0, retry_after: float = 0.0) -> None:
        heapq.heappush(self.events, (self.now + wait, self.played.sent, what, permit, signal, retry_after))

    def _take(self, driver: PaceDriver) -> None:
        self.now, _, what, permit, signal, retry_after = heapq.heappop(self.events)
        if what == "ready":
            self.ready += 1
            return
        self.flying -= 1
        advice = driver.end(permit, signal, retry_after, self.now)
        if signal == SUCCESS:
            self.done += 1
            return
        self.played.refused += 1
        if advice == ALONE:
            self._later(retry_after or 0.05, "ready")
        elif advice == BACK_OFF:
            self._later(0.125, "ready")
        else:
            self.ready += 1


def by_chance(share: float, signal: int, retry_after: float, seed: int) -> Server:
    chance = random.Random(seed)

    def server(now: float) -> tuple[int, float, float]:
        if chance.random() < share:
            return signal, retry_after, REFUSAL_S
        return SUCCESS, 0.0, ROUND_TRIP_S * chance.uniform(0.5, 1.5)

    return server


def bucket(rate: float, depth: float) -> Server:
    tokens, filled = depth, 1000.0

    def server(now: float) -> tuple[int, float, float]:
        nonlocal tokens, filled
        tokens, filled = min(depth, tokens + (now - filled) * rate), now
        if tokens < 1:
            return REFUSED, (1 - tokens) / rate, REFUSAL_S
        tokens -= 1
        return SUCCESS, 0.0, ROUND_TRIP_S

    return server


@pytest.mark.parametrize("retry_after", [0.0, 1.0])
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_refusals_by_chance_slow_nobody_down(share: float, retry_after: float) -> None:
    """Lowering the rate after each of them, as after those of a quota, takes minutes with Retry-After.

    Without any pace it is 1.3 s, and a Retry-After of the last request.
    """
    runs = [Client(by_chance(share, REFUSED, retry_after, seed), 2000).play() for seed in range(11)]
    assert statistics.median(played.seconds for played in runs) < 8
    assert max(played.seconds for played in runs) < 150
    assert max(played.sent for played in runs) < 2000 * (1 + 2 * share) + 60


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
def test_bad_statuses_by_chance_slow_nobody_down(share: float) -> None:
    assert Client(by_chance(share, SOFT, 0.0, 1), 2000).play().seconds < 10


@pytest.mark.parametrize(("rate", "depth"), [(50, 1), (50, 50), (500, 500)])
@pytest.mark.parametrize("at_a_time", [32, 512])
def test_a_quota_is_not_taken_for_chance(rate: int, depth: int, at_a_time: int) -> None:
    requests = 20 * rate
    played = Client(bucket(rate, depth), requests, at_a_time).play()
    assert played.seconds < 1.35 * 20
    assert played.refused < at_a_time + 0.06 * requests


def test_a_place_that_is_full_from_the_start_is_no_bad_luck() -> None:
    """Bare 503 before the first success: hundreds would be sent in its first milliseconds."""
    held: list[float] = []

    def server(now: float) -> tuple[int, float, float]:
        while held and held[0] <= now:
            heapq.heappop(held)
        if len(held) >= 8:
            return SOFT, 0.0, REFUSAL_S
        heapq.heappush(held, now + ROUND_TRIP_S)
        return SUCCESS, 0.0, ROUND_TRIP_S + 0.001

    played = Client(server, 1000).play()
    assert played.refused < 150
