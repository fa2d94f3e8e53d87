"""Permits by seeded random interleavings, without sockets and clocks: none is lost or doubled, nobody waits for ever.

A share stands for an operation's part on one loop: it has slots, requests to start, and an inbox through which wake-ups
reach it, late and out of order as they may. More than a million steps in all.
"""

from __future__ import annotations

import heapq
import random

import pytest

from baseten_perf.engine._engine import PaceDriver

NONE, UNSENT, SUCCESS, REFUSED, SOFT, GONE, LOST = range(7)
GATE, KNOCK, ALONE, BACK_OFF, GIVE_UP = 1, 2, 3, 4, 5
STEPS = 55_000
# How a server may be: the weights of the signals in the order of their numbers.
WEATHER = {
    "fair": (1, 1, 40, 0, 0, 0, 0),
    "refusing": (1, 1, 20, 20, 0, 0, 0),
    "flaky": (1, 1, 20, 2, 8, 2, 4),
    "outage": (1, 1, 1, 1, 5, 20, 10),
    "shortage": (2, 20, 20, 5, 0, 0, 0),
}


class Share:
    """An operation's part on one loop."""

    def __init__(self, number: int, slots: int) -> None:
        self.number = number
        self.slots = slots
        self.requests = 0
        self.permits: list[int] = []
        self.alarm = float("inf")


class Play:
    """Shares, a pace, and an instant."""

    def __init__(self, seed: int, weather: tuple[int, ...]) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.weather = weather
        self.shares = [Share(number, self.random.choice((1, 2, 5, 40))) for number in range(24)]
        self.adaptive = len(self.shares) // 2 * (seed % 2)  # so many go by the knee
        self.driver = PaceDriver(len(self.shares), adaptive=self.adaptive)
        self.inbox: list[Share] = []
        self.alarms: list[tuple[float, int]] = []
        self.taken: set[int] = set()
        self.hedges: list[int] = []
        self.steps = 0

    def serve(self, share: Share) -> None:
        """What a loop does for a share that wants attention."""
        share.alarm = float("inf")
        waits = False
        while len(share.permits) < share.slots and share.requests and not waits:
            self.steps += 1
            queue = self.driver.waiting() if self.random.random() < 0.05 else None
            permit, look_again = self.driver.take(share.number, self.now)
            if permit is None:
                waits = True
                share.alarm = look_again
                if look_again < 1e12:
                    heapq.heappush(self.alarms, (look_again, share.number))
                continue
            assert permit not in self.taken
            if queue and self.driver.limited and queue[0] != share.number:
                passed = queue[: queue.index(share.number)] if share.number in queue else queue
                assert max(passed) < self.adaptive <= share.number, "others have waited for longer"
            self.taken.add(permit)
            share.permits.append(permit)
            share.requests -= 1
        if not waits:
            self.driver.leave(share.number)
        self.pass_on()

    def pass_on(self) -> None:
        woken = self.driver.next(self.now)
        if woken is not None and self.shares[woken] not in self.inbox:
            self.inbox.append(self.shares[woken])

    def give_back(self, permit: int, signal: int) -> int:
        self.taken.remove(permit)
        after = self.random.choice((0.0, 0.0, 0.05, 1.0, 4.0)) if signal in (REFUSED, SOFT) else 0.0
        return self.driver.end(permit, signal, after, self.now)

    def answer(self, share: Share, signal: int) -> None:
        permit = share.permits.pop(self.random.randrange(len(share.permits)))
        advice = self.give_back(permit, signal)
        if signal in (UNSENT, REFUSED, SOFT, GONE, LOST) and advice != GIVE_UP:
            share.requests += 1
        self.serve(share)

    def cancel(self, share: Share) -> None:
        """The operation is cancelled, dropped or past its deadline: everything ends at once."""
        share.requests = 0
        while share.permits:
            self.give_back(share.permits.pop(), NONE)
        self.driver.leave(share.number)
        self.pass_on()

    def hedge(self) -> None:
        permit, _ = self.driver.take(-1, self.now)
        if permit is not None:
            assert permit not in self.taken
            self.taken.add(permit)
            self.hedges.append(permit)

    def pass_time(self, most: float) -> None:
        """On to the next alarm, or not so far; whose alarm it is looks again."""
        self.now += most
        while self.alarms and self.alarms[0][0] <= self.now:
            at, number = heapq.heappop(self.alarms)
            if self.shares[number].alarm == at:
                self.serve(self.shares[number])

    def step(self) -> None:
        self.steps += 1
        share = self.random.choice(self.shares)
        chance = self.random.random()
        if self.inbox and chance < 0.35:
            self.serve(self.inbox.pop(self.random.randrange(len(self.inbox))))
        elif chance < 0.45:
            share.requests += self.random.randrange(1, 8)
            self.serve(share)
        elif chance < 0.85 and share.permits:
            self.answer(share, self.random.choices(range(7), self.weather)[0])
        elif chance < 0.86:
            self.cancel(share)
        elif chance < 0.88:
            self.hedge()
        elif chance < 0.90 and self.hedges:
            self.give_back(self.hedges.pop(), self.random.choice((NONE, SUCCESS, REFUSED, LOST)))
            self.pass_on()
        else:
            self.pass_time(self.random.choice((0.0, 0.0005, 0.003, 0.05, 1.0)))
        assert self.driver.flying == len(self.taken)

    def settle(self) -> None:
        """The server is well again: by wake-ups and alarms alone, every request must be answered."""
        while self.hedges:
            self.give_back(self.hedges.pop(), NONE)
            self.pass_on()
        for _ in range(200_000):
            self.steps += 1
            if self.inbox:
                self.serve(self.inbox.pop())
                continue
            busy = [share for share in self.shares if share.permits]
            if busy:
                self.answer(self.random.choice(busy), SUCCESS)
            elif any(share.requests for share in self.shares):
                assert self.alarms, "somebody waits, nothing is in flight, and no alarm is set"
                self.pass_time(max(0.0, self.alarms[0][0] - self.now))
            else:
                return
        pytest.fail("the shares are not served")


@pytest.mark.parametrize("weather", WEATHER)
@pytest.mark.parametrize("seed", range(4))
def test_none_is_lost_and_nobody_waits_for_ever(seed: int, weather: str) -> None:
    play = Play(seed, WEATHER[weather])
    while play.steps < STEPS:
        play.step()
    play.settle()
    assert play.driver.flying == 0
    assert play.driver.waiting() == []
    assert play.steps >= STEPS


def test_turns_are_taken() -> None:
    """Among shares that all wait, each starts one request before any starts its next."""
    play = Play(1, WEATHER["fair"])
    driver = play.driver
    for number in range(4):
        driver.take(number, 1000.0)
    assert driver.end(1, REFUSED, 0.0, 1000.01) == GATE
    now = 1000.011
    for number in range(4):
        assert driver.take(number, now)[0] is None
    assert driver.waiting() == [0, 1, 2, 3]
    order = []
    while len(order) < 12:
        now += 0.5
        head = driver.waiting()[0]
        permit, _ = driver.take(head, now)
        if permit is not None:
            order.append(head)
            driver.end(permit, SUCCESS, 0.0, now + 0.001)
    assert order == [0, 1, 2, 3] * 3


def test_a_head_that_lets_go_hands_its_turn_on() -> None:
    driver = PaceDriver(3)
    driver.take(0, 1000.0)
    driver.end(1, REFUSED, 5.0, 1000.01)
    assert driver.take(1, 1000.02) == (None, pytest.approx(1005.01))
    assert driver.take(2, 1000.02)[0] is None
    assert driver.next(1000.03) is None
    driver.leave(1)
    # The new head has no alarm yet: it must look, and be told when to look again.
    assert driver.next(1000.04) == 2
    assert driver.take(2, 1000.04) == (None, pytest.approx(1005.01))
    assert driver.next(1000.05) is None
    assert driver.take(2, 1005.02)[0] is not None
