"""A pace against servers that are played, in time that is made up: how close it comes to what each of them can do."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from baseten_perf.engine._engine import PaceDriver

SUCCESS, REFUSED, SOFT, GONE = 2, 3, 4, 5
ALONE, BACK_OFF, GIVE_UP = 3, 4, 5
LATENCY_S = 0.05
# What a server answers to a request: signal, seconds until the answer, seconds of Retry-After.
Answer = tuple[int, float, float]
Server = Callable[[float, random.Random], Answer]


def bucket(rate: float, burst: float, told: bool) -> Server:
    level, at = burst, 0.0

    def serve(now: float, chance: random.Random) -> Answer:
        nonlocal level, at
        level, at = min(burst, level + (now - at) * rate), now
        if level >= 1:
            level -= 1
            return SUCCESS, LATENCY_S * chance.uniform(0.5, 1.5), 0.0
        return REFUSED, 0.001, (1 - level) / rate if told else 0.0

    return serve


def window(quota: int, length: float) -> Server:
    number, used = -1, 0

    def serve(now: float, chance: random.Random) -> Answer:
        nonlocal number, used
        if now // length != number:
            number, used = int(now // length), 0
        if used < quota:
            used += 1
            return SUCCESS, LATENCY_S * chance.uniform(0.5, 1.5), 0.0
        return REFUSED, 0.001, (number + 1) * length - now

    return serve


def cap(most: int) -> Server:
    ends: list[float] = []

    def serve(now: float, chance: random.Random) -> Answer:
        ends[:] = [end for end in ends if end > now]
        if len(ends) >= most:
            return REFUSED, 0.001, 0.0
        took = LATENCY_S * chance.uniform(0.5, 1.5)
        ends.append(now + took)
        return SUCCESS, took, 0.0

    return serve


def outage(start: float, length: float, signal: int) -> Server:
    def serve(now: float, chance: random.Random) -> Answer:
        if start <= now < start + length:
            return signal, 0.001, 0.0
        return SUCCESS, LATENCY_S * chance.uniform(0.5, 1.5), 0.0

    return serve


def careless(share: float) -> Server:
    """Refuses some, for a reason that has nothing to do with the rate."""

    def serve(now: float, chance: random.Random) -> Answer:
        if chance.random() < share:
            return REFUSED, 0.001, 0.0
        return SUCCESS, LATENCY_S * chance.uniform(0.5, 1.5), 0.0

    return serve


def play(server: Server, requests: int, slots: int = 32) -> tuple[float, int, int]:
    """One call: seconds that it takes; requests sent; of these, refused once a refusal was known."""
    driver, chance = PaceDriver(1), random.Random(7)
    events: list[tuple[float, int, int, Answer]] = []
    begin = now = 1000.0
    waiting, answered, sent, late = requests, 0, 0, 0
    known = False
    while answered < requests:
        look_again = float("inf")
        while waiting and len(events) < slots:
            permit, look_again = driver.take(0, now)
            if permit is None:
                break
            signal, took, after = server(now - begin, chance)
            sent += 1
            late += known and signal != SUCCESS
            waiting -= 1
            heapq.heappush(events, (now + 0.001 + took, sent, permit, (signal, took, after)))
        else:
            driver.leave(0)
        if not events or look_again < events[0][0]:
            assert look_again < 1e12, "nothing is in flight, and no alarm is set"
            now = max(now, look_again)
            continue
        now, _, permit, (signal, _, after) = heapq.heappop(events)
        advice = driver.end(permit, signal, after, now)
        assert advice != GIVE_UP
        answered += signal == SUCCESS
        waiting += signal != SUCCESS
        known = known or signal != SUCCESS
    return now - begin, sent, late


@pytest.mark.parametrize(
    ("server", "requests", "ideal", "slack", "refusals"),
    [
        pytest.param(bucket(50, 50, True), 1000, 19.0, 1.15, 0.05, id="bucket told"),
        pytest.param(bucket(50, 50, False), 1000, 19.0, 1.5, 0.05, id="bucket untold"),
        pytest.param(bucket(5, 1, True), 200, 39.8, 1.15, 0.05, id="small bucket told"),
        pytest.param(bucket(500, 1, False), 5000, 10.0, 1.5, 0.05, id="flat bucket"),
        pytest.param(window(600, 60.0), 2400, 180.0, 1.15, 0.10, id="window of a minute"),
        pytest.param(window(50, 1.0), 1000, 19.0, 1.15, 0.10, id="window of a second"),
        pytest.param(cap(8), 1000, 6.25, 1.5, 0.05, id="cap of 8"),
        pytest.param(cap(32), 5000, 7.8, 1.5, 0.05, id="cap of 32"),
        pytest.param(outage(2.0, 10.0, GONE), 5000, 17.8, 1.15, 0.01, id="connections refused for 10 s"),
        pytest.param(outage(2.0, 60.0, GONE), 5000, 67.8, 1.05, 0.05, id="connections refused for a minute"),
        pytest.param(outage(2.0, 10.0, SOFT), 5000, 17.8, 1.2, 0.02, id="503 for 10 s"),
        pytest.param(careless(0.0), 5000, 7.8, 1.1, 0.0, id="healthy"),
        pytest.param(careless(0.01), 5000, 7.8, 3.0, 0.02, id="1 % refused without a reason"),
        pytest.param(careless(0.1), 2000, 3.1, 6.0, 0.13, id="10 % refused without a reason"),
    ],
)
def test_it_keeps_the_server_s_pace(
    server: Server, requests: int, ideal: float, slack: float, refusals: float
) -> None:
    seconds, sent, late = play(server, requests)
    assert seconds <= slack * ideal + 1.0, f"{seconds:.1f} s for {ideal:.1f}, {late} refused"
    assert late <= refusals * requests, f"{late} of {sent} refused"
