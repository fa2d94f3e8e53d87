"""Limits by seeded random interleavings, without sockets and clocks: never too much in any window, nobody left behind.

A share stands for an operation's part on one loop, as in the tests of permits; here each asks the limit of a client,
then that of an endpoint together with its pace. Half a million steps in all.
"""

from __future__ import annotations

import heapq
import random

import pytest

from baseten_perf.engine import LimitState
from baseten_perf.engine._engine import LimitDriver

NONE, UNSENT, SUCCESS, REFUSED, SOFT, GONE, LOST = range(7)
STEPS = 30_000
SHARES = 16
# Of each kind: requests and tokens of a minute, of the client and of each endpoint (0 for none); the largest cost.
KINDS = {
    "requests of a client": ((6000, 0), [(0, 0), (0, 0), (0, 0)], 10),
    "tokens of a client": ((0, 120_000), [(0, 0), (0, 0), (0, 0)], 1900),
    "requests of endpoints": ((0, 0), [(600, 0), (3000, 0), (0, 0)], 10),
    "everything": ((9000, 300_000), [(600, 0), (3000, 60_000), (0, 90_000)], 900),
    "debts": ((0, 60_000), [(0, 0), (0, 0), (0, 0)], 9000),
}
# The weights of the signals in the order of their numbers.
FAIR, FOUL = (1, 2, 40, 0, 0, 0, 0), (2, 4, 20, 6, 4, 2, 2)


class Share:
    """An operation's part on one loop."""

    def __init__(self, number: int, slots: int) -> None:
        self.number = number
        self.slots = slots
        self.requests: list[int] = []  # their costs
        self.alarm = float("inf")


class Account:
    """What has flowed out of one bucket, which must never be more than it holds and what it gets."""

    def __init__(self, per_minute: float, largest: float) -> None:
        self.rate = per_minute / 61.25
        self.depth = max(1.0, self.rate)
        if largest > self.depth:
            self.rate = (per_minute - largest) / 60.25
        self.total = 0.0
        self.least = 0.0  # of the total less the refill, before any event
        self.used_up = 0.0

    def flow(self, now: float, cost: float, taken: bool) -> None:
        self.least = min(self.least, self.total - self.rate * now) if self.total else -self.rate * now
        self.total += cost
        if taken:  # what the last one owes is no more than it costs
            most = self.depth + max(0.0, cost - self.depth)
            assert self.total - self.rate * now - self.least <= most + 1e-3, "too much in a window"


class Play:
    """Shares, limits, paces, and an instant."""

    def __init__(self, seed: int, kind: str, weather: tuple[int, ...]) -> None:
        client, endpoints, self.largest = KINDS[kind]
        self.random = random.Random(seed)
        self.weather = weather
        self.now = 1000.0
        routes = [self.random.choice(([0], [1], [2], [0, 1, 2], [1, 2])) for _ in range(SHARES)]
        told = [client, *endpoints]
        states = [LimitState(*each) if any(each) else None for each in told]
        self.driver = LimitDriver(states[0], states[1:], routes)
        self.requests = [Account(each[0], 1) if each[0] else None for each in told]
        self.tokens = [Account(each[1], self.largest) if each[1] else None for each in told]
        self.shares = [Share(number, self.random.choice((1, 2, 5, 40))) for number in range(SHARES)]
        self.inbox: list[Share] = []
        self.alarms: list[tuple[float, int]] = []
        self.flying: dict[int, tuple[int, int]] = {}  # permit: endpoint, cost
        self.under_way: dict[int, list[int]] = {number: [] for number in range(SHARES)}
        self.steps = 0
        self.first = True

    def cost(self) -> int:
        if self.first:  # what a minute must have room for is known from here on
            self.first = False
            return self.largest
        return self.random.choice((1, self.random.randrange(1, self.largest + 1), self.largest))

    def flows(self, endpoint: int, requests: float, tokens: float, taken: bool) -> None:
        for place in (0, endpoint + 1):
            for account, cost in ((self.requests[place], requests), (self.tokens[place], tokens)):
                if account is not None:
                    account.flow(self.now, cost, taken)

    def serve(self, share: Share) -> None:
        """What a loop does for a share that wants attention."""
        share.alarm = float("inf")
        waits = False
        while len(self.under_way[share.number]) < share.slots and share.requests and not waits:
            self.steps += 1
            queues = self.driver.waiting() if self.random.random() < 0.1 else None
            permit, endpoint, look_again = self.driver.take(share.number, share.requests[0], self.now)
            if permit is None or endpoint is None:
                waits = True
                share.alarm = look_again
                if look_again < 1e12:
                    heapq.heappush(self.alarms, (look_again, share.number))
                continue
            if queues is not None:
                # Who has had to wait for something else since it was the first need not be it again.
                for queue, behind in ((queues[0], queues[1:]), (queues[endpoint + 1], [queues[endpoint + 4]])):
                    first = not queue or queue[0] == share.number
                    assert first or any(share.number in each for each in behind), "it was not its turn"
            self.start(share, permit, endpoint, share.requests.pop(0))
        if not waits:
            self.driver.leave(share.number)
        self.pass_on(share)

    def start(self, share: Share, permit: int, endpoint: int, cost: int) -> None:
        assert permit not in self.flying
        self.flying[permit] = endpoint, cost
        self.under_way[share.number].append(permit)
        self.flows(endpoint, 1, cost, True)

    def pass_on(self, share: Share) -> None:
        for number in self.driver.next(share.number, self.now):
            if self.shares[number] not in self.inbox:
                self.inbox.append(self.shares[number])

    def end(self, share: Share, signal: int) -> None:
        """An attempt has ended; its request is sent again unless it was answered or forgotten."""
        mine = self.under_way[share.number]
        permit = mine.pop(self.random.randrange(len(mine)))
        endpoint, cost = self.flying.pop(permit)
        after = self.random.choice((0.0, 0.05, 1.0)) if signal in (REFUSED, SOFT) else 0.0
        assert self.driver.end(permit, signal, after, self.now) == share.number
        if signal == UNSENT:
            self.flows(endpoint, -1, -cost, False)
        if signal == SUCCESS and self.random.random() < 0.5:
            actual = round(cost * self.random.uniform(0.7, 1.2))
            for place in (0, endpoint + 1):
                tokens = self.tokens[place]
                if tokens is not None:
                    self.driver.settle(place, cost, actual, self.now)
                    tokens.flow(self.now, actual - cost, False)
        if signal not in (SUCCESS, NONE):
            share.requests.insert(0, cost)

    def cancel(self, share: Share) -> None:
        """The operation is cancelled, dropped or past its deadline: everything ends at once."""
        share.requests.clear()
        while self.under_way[share.number]:
            self.end(share, NONE)
        self.driver.leave(share.number)
        self.pass_on(share)

    def hedge(self, share: Share) -> None:
        cost = self.cost()
        permit, endpoint, _ = self.driver.take(share.number, cost, self.now, hedge=True)
        if permit is not None and endpoint is not None:
            self.start(share, permit, endpoint, cost)
        self.pass_on(share)

    def pass_time(self, most: float) -> None:
        """On to an instant; whose alarms are due before look again."""
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
            share.requests += [self.cost() for _ in range(self.random.randrange(1, 6))]
            self.serve(share)
        elif chance < 0.80 and self.under_way[share.number]:
            self.end(share, self.random.choices(range(7), self.weather)[0])
            self.serve(share)
        elif chance < 0.81:
            self.cancel(share)
        elif chance < 0.83:
            self.hedge(share)
        else:
            self.pass_time(self.random.choice((0.0, 0.0005, 0.003, 0.05, 0.5)))
        assert self.driver.flying == len(self.flying)

    def settle(self) -> None:
        """The servers are well again: by wake-ups and alarms alone, every request must be answered."""
        for _ in range(100_000):
            self.steps += 1
            busy = [share for share in self.shares if self.under_way[share.number]]
            if self.inbox:
                self.serve(self.inbox.pop())
            elif busy:
                share = self.random.choice(busy)
                self.end(share, SUCCESS)
                self.serve(share)
            elif any(share.requests for share in self.shares):
                assert self.alarms, "somebody waits, nothing is in flight, and no alarm is set"
                self.pass_time(max(0.0, self.alarms[0][0] - self.now))
            else:
                return
        pytest.fail("the shares are not served")


@pytest.mark.parametrize("weather", [FAIR, FOUL], ids=["fair", "foul"])
@pytest.mark.parametrize("kind", KINDS)
def test_never_too_much_and_nobody_waits_for_ever(kind: str, weather: tuple[int, ...]) -> None:
    for seed in range(2):
        play = Play(seed, kind, weather)
        while play.steps < STEPS:
            play.step()
        play.settle()
        assert play.driver.flying == 0
        assert not any(play.driver.waiting())


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_is_used(seed: int) -> None:
    """Of many shares at one limit, some of whose attempts are never sent."""
    chance = random.Random(seed)
    driver = LimitDriver(LimitState(6000, 0), [None, None], [[0], [1], [0, 1]] * 4)
    now, sent, woken, alarms = 1000.0, 0, list(range(12)), []
    while now < 1060.0:
        while woken:
            share = woken.pop(0)
            while True:
                permit, _, look_again = driver.take(share, 1, now)
                if permit is None:
                    break
                unsent = chance.random() < 0.1
                sent += not unsent
                driver.end(permit, UNSENT if unsent else SUCCESS, 0.0, now)
            if look_again < 1e12:
                heapq.heappush(alarms, (look_again, share))
            woken += [other for other in driver.next(share, now) if other not in woken]
        now, share = heapq.heappop(alarms)
        woken.append(share)
    assert 0.97 * 6000 <= sent <= 6000


def test_a_large_cost_is_not_starved_by_small_ones() -> None:
    driver = LimitDriver(LimitState(0, 6125), [None], [[0], [0]])  # 100 tokens a second
    assert driver.take(0, 100, 1000.0)[0] is not None
    assert driver.take(0, 90, 1000.1)[::2] == (None, pytest.approx(1000.9, abs=1e-3))
    # There is enough for it, but it comes later.
    assert driver.take(1, 1, 1000.5)[::2] == (None, 1e300)
    assert driver.waiting()[0] == [0, 1]
    assert driver.next(1, 1000.6) == []
    assert driver.take(0, 90, 1000.95)[0] is not None
    assert driver.next(0, 1000.95) == [1]
    assert driver.take(1, 1, 1000.96)[0] is not None


def test_who_waits_at_a_closed_gate_keeps_nobody_from_the_limit() -> None:
    driver = LimitDriver(LimitState(60, 0), [None, None], [[0], [1]])
    permit, _, _ = driver.take(0, 1, 1000.0)
    assert permit is not None
    driver.end(permit, REFUSED, 30.0, 1000.1)
    assert driver.take(0, 1, 1002.0)[::2] == (None, pytest.approx(1030.1))
    assert driver.waiting() == [[], [], [], [0], []]
    assert driver.take(1, 1, 1002.0)[0] is not None


def test_an_answer_that_cost_less_lets_the_next_go() -> None:
    driver = LimitDriver(LimitState(0, 6125), [None], [[0], [0]])
    permit, _, _ = driver.take(0, 100, 1000.0)
    assert permit is not None
    assert driver.take(1, 50, 1000.0)[::2] == (None, pytest.approx(1000.5, abs=1e-3))
    driver.end(permit, SUCCESS, 0.0, 1000.1)
    driver.settle(0, 100, 40, 1000.1)
    assert driver.next(0, 1000.1) == [1]
    assert driver.take(1, 50, 1000.1)[0] is not None


def test_an_attempt_that_was_never_sent_gives_its_cost_back_and_a_refused_one_does_not() -> None:
    driver = LimitDriver(LimitState(60, 0), [LimitState(60, 0)], [[0]])
    permit, _, _ = driver.take(0, 1, 1000.0)
    assert permit is not None
    driver.end(permit, UNSENT, 0.0, 1000.0)
    permit, _, _ = driver.take(0, 1, 1000.0)
    assert permit is not None
    driver.end(permit, NONE, 0.0, 1000.0)
    assert driver.take(0, 1, 1000.0)[0] is None
