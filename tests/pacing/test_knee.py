"""The knee of a pace, against servers that are played: workers with a queue before them, in time that is made up."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable

import pytest

from baseten_perf.engine._engine import PaceDriver

SUCCESS, REFUSED = 2, 3
SERVICE_S, TRIP_S = 0.05, 0.001
# Seconds of a worker's time for a request.
Work = Callable[[random.Random], float]


def constant(chance: random.Random) -> float:
    return SERVICE_S


def exponential(chance: random.Random) -> float:
    return chance.expovariate(1 / SERVICE_S)


def long_and_short(chance: random.Random) -> float:
    """One of ten batches is eleven times as long as the others."""
    return SERVICE_S * (5.5 if chance.random() < 0.1 else 0.5)


class Play:
    """A client that has as many requests as it may send, and a server of `workers`.

    Attributes:
        most: requests that the client has in flight if it may.
        of_a_call: requests of a call; the next one begins when all have ended.
        cap: requests in flight from which on the server refuses.
    """

    def __init__(self, workers: int, work: Work = constant, seed: int = 1) -> None:
        self.driver = PaceDriver(2, adaptive=1)
        self.workers, self.work = workers, work
        self.most, self.of_a_call, self.cap = 10_000, 1 << 60, 10_000
        self.now = 1000.0
        self.chance = random.Random(seed)
        self.events: list[tuple[float, int, int, float, int]] = []
        self.numbers = 0
        self.left = self.of_a_call
        self.queue: deque[tuple[int, float]] = deque()
        self.busy = self.flying = self.refused = self.peak = 0
        self.latencies: list[float] = []
        self.limits: list[int] = []

    def run(self, seconds: float) -> tuple[float, float]:
        """Answers a second; their mean latency."""
        end = self.now + seconds
        self.latencies, self.limits = [], []
        look_again = self._start()
        while True:
            at = min(self.events[0][0] if self.events else 1e300, look_again)
            assert at < 1e300 or self.most == 0, "nobody waits for anything"
            if at > end:
                self.now = end
                return len(self.latencies) / seconds, sum(self.latencies) / max(1, len(self.latencies))
            self.now = at
            if self.events and self.events[0][0] <= at:
                _, _, permit, started, signal = heapq.heappop(self.events)
                self._take(permit, started, signal)
            look_again = self._start()

    def _start(self) -> float:
        look_again = 1e300
        if self.left == 0 and self.flying == 0:
            self.left = self.of_a_call
        while self.left and self.flying < self.most:
            permit, look_again = self.driver.take(0, self.now)
            if permit is None:
                return max(look_again, self.now)
            self.left -= 1
            self.flying += 1
            self.peak = max(self.peak, self.flying)
            if self.busy + len(self.queue) >= self.cap:
                self._later(TRIP_S, permit, REFUSED)
            else:
                self.queue.append((permit, self.now))
                self._work()
        self.driver.leave(0)
        return 1e300

    def _work(self) -> None:
        while self.queue and self.busy < self.workers:
            permit, started = self.queue.popleft()
            self.busy += 1
            self._later(self.work(self.chance) + TRIP_S, permit, SUCCESS, started)

    def _later(self, wait: float, permit: int, signal: int, started: float = 0.0) -> None:
        self.numbers += 1
        heapq.heappush(self.events, (self.now + wait, self.numbers, permit, started, signal))

    def _take(self, permit: int, started: float, signal: int) -> None:
        self.flying -= 1
        if signal == SUCCESS:
            self.busy -= 1
            self.latencies.append(self.now - started)
            self._work()
        else:
            self.left += 1
            self.refused += 1
        self.driver.end(permit, signal, 0.0, self.now)
        self.limits.append(self.driver.limit)


@pytest.mark.parametrize("work", [constant, exponential])
@pytest.mark.parametrize("workers", [4, 32, 200])
def test_it_is_found(workers: int, work: Work) -> None:
    """Throughput within 10 % of the best there is; latency not above twice that of the least limit that reaches it."""
    play = Play(workers, work)
    play.run(1.0)
    assert play.limits[0] == 8
    play.run(40.0 if workers == 4 else 2.0)
    throughput, latency = play.run(10.0)
    assert throughput >= 0.9 * workers / (SERVICE_S + TRIP_S)
    assert latency <= 2 * (SERVICE_S + TRIP_S)


def test_it_begins_with_eight_and_doubles() -> None:
    play = Play(200)
    play.run(0.05)
    assert play.peak == 8
    play.run(0.95)
    assert [*dict.fromkeys(play.limits)][:5] == [8, 16, 32, 64, 128]


def test_one_worker_ends_with_few() -> None:
    play = Play(1)
    play.run(60.0)
    assert play.run(10.0)[1] <= 4 * (SERVICE_S + TRIP_S)


def test_it_never_goes_beyond_1024() -> None:
    play = Play(5000)
    play.run(3.0)
    assert play.peak == play.driver.limit == 1024


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_different_sizes_do_not_make_it_collapse(seed: int) -> None:
    play = Play(32, long_and_short, seed)
    play.run(10.0)
    throughput, latency = play.run(20.0)
    assert throughput >= 0.8 * 32 / SERVICE_S
    assert latency <= 2 * SERVICE_S


def test_capacity_is_followed() -> None:
    play = Play(32)
    play.run(5.0)
    play.workers = 128
    play.run(10.0)
    assert play.run(5.0)[0] >= 0.9 * 128 / (SERVICE_S + TRIP_S)
    play.workers = 32
    play.run(10.0)
    throughput, latency = play.run(5.0)
    assert throughput >= 0.9 * 32 / (SERVICE_S + TRIP_S)
    assert latency <= 2 * (SERVICE_S + TRIP_S)


def test_callers_with_fewer_requests_are_no_evidence() -> None:
    play = Play(200)
    play.most = 4
    play.run(10.0)
    assert set(play.limits) == {8}
    play.most = 100
    play.run(10.0)
    limits = set(play.limits)
    assert max(limits) <= 256
    limit, play.most = play.driver.limit, 0
    play.run(3600.0)  # nobody asks for anything
    assert play.driver.limit == limit >= 64


def test_short_calls_learn_together() -> None:
    play = Play(200)
    play.left = play.of_a_call = 40
    play.run(10.0)
    assert play.driver.limit >= 32


@pytest.mark.parametrize("cap", [5, 20])
def test_a_cap_bounds_it(cap: int) -> None:
    play = Play(200)
    play.cap = cap
    play.run(5.0)
    play.refused = 0
    throughput, _ = play.run(10.0)
    assert throughput >= 0.75 * cap / (SERVICE_S + TRIP_S)
    assert play.refused <= 0.05 * 10 * throughput


def test_a_closed_gate_freezes_it() -> None:
    play = Play(32)
    play.run(5.0)
    play.cap, limit = 0, play.driver.limit
    play.run(30.0)
    assert set(play.limits) <= {limit, *play.limits[:1]}
    play.cap = 10_000
    play.run(2.0)
    assert play.run(5.0)[0] >= 0.8 * 32 / (SERVICE_S + TRIP_S)


def test_others_are_not_hindered() -> None:
    """Share 0 goes by the knee, share 1 does not: neither before a refusal nor behind one that waits in the queue."""
    driver = PaceDriver(2, adaptive=1)
    permits = [driver.take(0, 1000.0)[0] for _ in range(9)]
    assert None not in permits[:8] and permits[8] is None
    assert driver.waiting() == [0]
    assert driver.next(1000.0) is None, "it would be woken for nothing"
    others = [driver.take(1, 1000.0)[0] for _ in range(20)]
    assert None not in others
    driver.end(others.pop(), REFUSED, 0.1, 1000.01)
    while driver.take(1, 1000.02)[0] is not None:
        pass
    assert driver.waiting() == [0, 1]
    driver.end(others.pop(), SUCCESS, 0.0, 1000.2)
    assert driver.next(1000.2) == 1
    assert driver.take(1, 1000.2)[0] is not None
    driver.end(permits.pop(0), SUCCESS, 0.0, 1002.0)
    assert driver.next(1002.0) == 0
    assert driver.take(0, 1002.0)[0] is None, "this opens the gate"
    assert driver.take(0, 1003.0)[0] is not None
