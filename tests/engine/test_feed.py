"""The slots of an operation by seeded random interleavings, without sockets: none is lost, doubled or used too early.

The test plays both sides: the thread that pushes, flushes, closes, cancels and drains, and the loops that take
requests, return and end them. More than 200 000 steps in all.
"""

from __future__ import annotations

import random

import pytest

from baseten_perf.engine._engine import OperationDriver

STEPS = 10_000
LIVES = ("open", "open and narrow", "known", "failing fast", "told of each", "divided", "divided, failing fast")


class Play:
    """One operation, and what must be true of it."""

    def __init__(self, seed: int, life: str) -> None:
        self.random = random.Random(f"{seed} {life}")
        self.divides = life.startswith("divided")
        self.count = self.random.randrange(1, 300) if life == "known" or self.divides else None
        self.capacity = self.count or (3 if life == "open and narrow" else 64)
        if self.divides:
            self.capacity = max(8, self.count or 0)
        self.collects = not life.endswith("failing fast")
        self.tell_every = 1 if life == "told of each" else self.random.choice((0, 0, 7))
        self.driver = OperationDriver(self.count, self.capacity, self.collects, self.tell_every, self.divides)
        self.pushed = 0
        self.slots: dict[int, int] = {}  # of requests under way, by number
        self.unflushed: list[int] = []
        self.ready: list[int] = []  # in the order in which lanes must get them
        self.taken: list[int] = []
        self.ended: list[tuple[int, bool]] = []
        self.refused: set[int] = set()
        self.unsettled = self.undecided = 0  # the latter of those that have been drained
        self.paused = False
        self.drained: set[int] = set()
        self.low_water = 0
        self.state = "running"
        self.closed = False

    @property
    def over(self) -> bool:
        return self.state != "running"

    def push(self) -> None:
        room = self.capacity - len(self.slots)
        if self.count is not None:
            room = min(room, self.count - self.pushed)
        if self.closed:
            room = 0
        assert self.driver.room == room
        if room == 0:
            with pytest.raises(IndexError):
                self.driver.push()
            return
        number, slot = self.driver.push()
        assert number == self.pushed
        assert slot not in self.slots.values(), "the slot belongs to a request that is under way"
        self.slots[number] = slot
        self.unflushed.append(number)
        self.pushed += 1

    def flush(self) -> None:
        self.low_water = self.random.choice((0, 1, 5))
        self.driver.flush(self.low_water)
        assert not self.driver.hungry
        self.ready += self.unflushed
        self.unflushed.clear()

    def close(self) -> None:
        self.driver.close()
        self.closed = True
        self.ready += self.unflushed
        self.unflushed.clear()
        self.may_be_complete()

    def may_be_complete(self) -> None:
        known = self.closed or self.pushed == self.count
        ended = len(self.drained) + len(self.ended)
        if self.state == "running" and known and ended == self.pushed and not self.unsettled:
            self.state = "complete"

    def take(self) -> None:
        number = self.driver.take()
        if self.over or not self.ready or self.paused:
            assert number is None
            return
        assert number == self.ready.pop(0)
        self.taken.append(number)
        if not self.closed and self.pushed != self.count and len(self.ready) < self.low_water:
            assert self.driver.hungry and self.driver.told

    def give_back(self) -> None:
        number = self.taken.pop(self.random.randrange(len(self.taken)))
        self.driver.give_back(number)
        self.ready.insert(0, number)

    def end(self) -> None:
        number = self.taken.pop(self.random.randrange(len(self.taken)))
        if self.divides and self.random.random() < 0.2:
            self.refuse(number)
            return
        good = self.random.random() < (0.8 if self.collects else 0.999)
        self.driver.end(number, good)
        if self.over:
            return  # nobody is told any more
        self.ended.append((number, good))
        if not good and not self.collects:
            self.state = "failed"
        self.may_be_complete()
        if self.tell_every and len(self.ended) >= self.tell_every:
            assert self.driver.told

    def refuse(self, number: int) -> None:
        self.driver.refuse(number)
        if self.over:
            return
        self.ended.append((number, False))
        self.refused.add(number)
        self.unsettled += 1
        self.tell_every = 1
        self.paused = not self.collects
        assert self.driver.told

    def replace(self) -> None:
        """A refused request that has been drained is settled: by none, or by others."""
        more = 0 if self.closed or self.count is None or self.count > 400 else self.random.choice((0, 2, 3))
        self.driver.expect(more, 1)
        self.unsettled -= 1
        self.undecided -= 1
        if self.count is not None:
            self.count += more
        if not self.collects:
            self.driver.resume()
            self.paused = False
        self.may_be_complete()

    def drain(self) -> None:
        drained = self.driver.drain()
        assert drained == self.ended
        for number, _ in drained:
            assert number not in self.drained
            self.drained.add(number)
            self.undecided += number in self.refused
            del self.slots[number]
        self.ended.clear()

    def cancel(self) -> None:
        self.driver.cancel()
        if not self.over:
            self.state = "cancelled"

    def step(self) -> None:
        chance = self.random.random()
        if chance < 0.30:
            self.push()
        elif chance < 0.40:
            self.flush()
        elif chance < 0.65:
            self.take()
        elif chance < 0.70 and self.taken:
            self.give_back()
        elif chance < 0.90 and self.taken:
            self.end()
        elif chance < 0.95:
            self.drain()
        elif chance < 0.99 and self.undecided:
            self.replace()
        elif chance < 0.9905:
            self.close()
        elif chance < 0.9908:
            self.cancel()
        assert self.driver.state == self.state
        if self.over:
            assert self.driver.told

    def settle(self) -> None:
        """Nothing is pushed any more: all that was must end, once."""
        self.close()
        while self.ready or self.taken or self.unsettled:
            self.take()
            self.drain()
            if self.undecided:
                self.replace()
            if self.taken:
                self.end()
            if self.over and self.state != "complete":
                break
        self.drain()
        assert self.driver.state == self.state != "running"
        if self.state == "complete":
            assert self.drained == set(range(self.pushed))
            assert not self.slots


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("seed", range(4))
def test_none_is_lost_or_doubled(seed: int, life: str) -> None:
    steps = lives = 0
    while steps < STEPS:
        play = Play(seed + 100 * lives, life)
        lives += 1
        for _ in range(1500):
            play.step()
            steps += 1
            if play.over and play.random.random() < 0.02:
                break
        play.settle()


def test_a_slow_request_holds_up_none_of_those_behind_it() -> None:
    """Slots are used again in any order: with two of them, one that never ends leaves the other to all the rest."""
    driver = OperationDriver(None, 2)
    driver.push()
    driver.flush(0)
    assert driver.take() == 0
    for number in range(1, 1000):
        assert driver.push() == (number, 1)
        assert driver.room == 0
        driver.flush(0)
        assert driver.take() == number
        driver.end(number, True)
        assert driver.drain() == [(number, True)]


def test_an_empty_operation_is_complete_when_it_is_closed() -> None:
    driver = OperationDriver(None, 4)
    assert driver.state == "running"
    driver.close()
    assert driver.state == "complete"
    assert driver.told


def test_budgets_grow_with_the_number_of_requests() -> None:
    """Like those of an operation whose number of requests was known from the start."""
    driver = OperationDriver(None, 1000)
    for _ in range(300):
        driver.push()
        if driver.room % 7 == 0:
            driver.flush(0)
    driver.close()
    assert driver.retries == OperationDriver(300).retries == 151
