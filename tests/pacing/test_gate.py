"""The gate of a pace, step by step: what closes it, for how long, and what opens it."""

from __future__ import annotations

import pytest

from baseten_perf.engine._engine import PaceDriver

NONE, UNSENT, SUCCESS, REFUSED, SOFT, GONE, LOST = range(7)
GATE, KNOCK, ALONE, BACK_OFF, GIVE_UP = 1, 2, 3, 4, 5


@pytest.fixture
def driver() -> PaceDriver:
    """A pace whose endpoint has answered once, at 1000.0."""
    driver = PaceDriver(4)
    permit, _ = driver.take(0, 1000.0)
    driver.end(permit, SUCCESS, 0.0, 1000.0)
    return driver


def taken(driver: PaceDriver, now: float, share: int = 0) -> int:
    permit, _ = driver.take(share, now)
    assert permit is not None
    driver.leave(share)
    return permit


def refused(driver: PaceDriver, now: float, share: int = 0) -> float:
    """When to look again."""
    permit, look_again = driver.take(share, now)
    assert permit is None
    driver.leave(share)
    return look_again


def test_nothing_is_held_back_before_the_first_refusal(driver: PaceDriver) -> None:
    permits = [taken(driver, 1000.1) for _ in range(1000)]
    for permit in permits:
        driver.end(permit, SUCCESS, 0.0, 1000.2)
    assert not driver.limited


def test_a_refusal_closes_it_for_all_and_one_probe_goes(driver: PaceDriver) -> None:
    first, second = taken(driver, 1000.1), taken(driver, 1000.1)
    assert driver.end(first, REFUSED, 2.0, 1000.2) == GATE
    assert driver.end(second, REFUSED, 2.0, 1000.3) == GATE
    assert refused(driver, 1000.4, share=1) == pytest.approx(1002.3)
    probe = taken(driver, 1002.4, share=1)
    refused(driver, 1002.4, share=2)
    driver.end(probe, SUCCESS, 0.0, 1002.41)
    taken(driver, 1005.0, share=2)


def test_a_probe_that_is_aborted_makes_room_for_the_next(driver: PaceDriver) -> None:
    driver.end(taken(driver, 1000.1), REFUSED, 1.0, 1000.2)
    probe = taken(driver, 1001.3)
    driver.end(probe, NONE, 0.0, 1001.301)
    taken(driver, 1001.302)


def test_no_connection_is_only_mended_by_a_success(driver: PaceDriver) -> None:
    assert driver.end(taken(driver, 1000.1), GONE, 0.0, 1000.2) == GATE
    probe = taken(driver, 1000.3)
    assert refused(driver, 1001.0) == pytest.approx(1000.3 + 5.0)  # a probe without an answer gets company
    driver.end(probe, SUCCESS, 0.0, 1001.1)
    taken(driver, 1003.0)


def test_probes_of_a_long_outage_are_few(driver: PaceDriver) -> None:
    driver.end(taken(driver, 1000.0), GONE, 0.0, 1000.0)
    now, probes = 1000.0, 0
    while now < 1060.0:
        permit, look_again = driver.take(0, now)
        if permit is None:
            now = look_again
            continue
        probes += 1
        driver.end(permit, GONE, 0.0, now)
    assert 60 <= probes <= 120


def test_an_endpoint_that_never_answered_is_given_up_within_a_second() -> None:
    driver = PaceDriver(1)
    now, advices = 1000.0, []
    while GIVE_UP not in advices:
        permit, look_again = driver.take(0, now)
        if permit is None:
            now = look_again
            continue
        advices.append(driver.end(permit, GONE, 0.0, now))
    assert advices == [KNOCK, KNOCK, GIVE_UP]
    assert now < 1001.0
    assert not driver.limited  # the next call begins anew


def test_one_bad_status_is_the_requests_own_bad_luck(driver: PaceDriver) -> None:
    assert driver.end(taken(driver, 1000.1), SOFT, 0.0, 1000.2) == BACK_OFF
    assert not driver.limited


def test_many_bad_statuses_are_a_sign_of_load(driver: PaceDriver) -> None:
    permits = [taken(driver, 1000.1) for _ in range(32)]
    advices = [driver.end(permit, SOFT, 0.0, 1000.2) for permit in permits]
    assert BACK_OFF in advices and advices[-1] == GATE
    assert driver.limited


def test_bad_statuses_of_an_endpoint_that_never_did_better_are_load_while_others_may_get_through() -> None:
    driver = PaceDriver(1)
    permits = [taken(driver, 1000.1) for _ in range(100)]
    advices = [driver.end(permit, SOFT, 0.0, 1000.2) for permit in permits[:-1]]
    assert advices[0] == BACK_OFF and advices[-1] == GATE
    assert driver.limited
    assert driver.end(permits[-1], SOFT, 0.0, 1000.2) == BACK_OFF  # nobody did
    assert not driver.limited


def test_few_bad_statuses_among_many_good_are_none(driver: PaceDriver) -> None:
    for round in range(200):
        permits = [taken(driver, 1001.0 + round) for _ in range(20)]
        assert driver.end(permits.pop(), SOFT, 0.0, 1001.5 + round) == BACK_OFF
        for permit in permits:
            driver.end(permit, SUCCESS, 0.0, 1001.6 + round)
    assert not driver.limited


def test_a_loss_is_ones_own_bad_luck_where_others_get_through(driver: PaceDriver) -> None:
    lost, good, other = taken(driver, 1000.1), taken(driver, 1000.1), taken(driver, 1000.1)
    driver.end(good, SUCCESS, 0.0, 1000.2)
    assert driver.end(lost, LOST, 0.0, 1001.0) == BACK_OFF
    driver.end(other, NONE, 0.0, 1001.0)
    assert not driver.limited


def test_a_loss_is_an_outage_where_nobody_gets_through(driver: PaceDriver) -> None:
    one, two, three = taken(driver, 1000.1), taken(driver, 1000.1), taken(driver, 1000.1)
    assert driver.end(one, LOST, 0.0, 1001.0) == BACK_OFF  # the first may be alone
    assert driver.end(two, LOST, 0.0, 1001.0) == GATE
    assert driver.end(three, LOST, 0.0, 1001.0) == GATE
    assert driver.limited


def test_it_is_forgotten_when_all_is_calm(driver: PaceDriver) -> None:
    driver.end(taken(driver, 1000.1), REFUSED, 0.5, 1000.2)
    driver.end(taken(driver, 1000.8), SUCCESS, 0.0, 1000.9)
    driver.end(taken(driver, 1059.0), SUCCESS, 0.0, 1059.1)
    assert driver.limited
    driver.end(taken(driver, 1062.0), SUCCESS, 0.0, 1062.1)
    assert not driver.limited


def test_an_idle_hour_is_no_slow_rate(driver: PaceDriver) -> None:
    """What nobody asked for was not refused either."""
    for _ in range(50):
        driver.end(taken(driver, 1000.1), SUCCESS, 0.0, 1000.1)
    permits = [taken(driver, 1000.2) for _ in range(50)]
    for permit in permits[:-1]:
        driver.end(permit, SUCCESS, 0.0, 1000.3)
    driver.end(permits[-1], REFUSED, 0.1, 1000.3)
    now = 1030.0  # idle meanwhile
    driver.end(taken(driver, now), SUCCESS, 0.0, now + 0.001)
    started = 0
    while now < 1031.0:
        permit, look_again = driver.take(0, now)
        if permit is None:
            now = max(now + 0.001, min(look_again, 1031.0))
            continue
        started += 1
        driver.end(permit, SUCCESS, 0.0, now)
    assert started > 100
