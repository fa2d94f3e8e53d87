"""How attempts become the result of a check, checks the result of a round, and slow rounds stretch the interval."""

from __future__ import annotations

import pytest

from baseten_perf.endpoints.health import ProbeResult, ProbeRound, Step, next_interval

GOOD, BAD, NONE = ProbeResult.HEALTHY, ProbeResult.UNHEALTHY, ProbeResult.NONE


def played(checks: list[list[ProbeResult]], retries: int, fail_on_first: bool = False) -> tuple[ProbeResult, str]:
    """Play the attempts of each check; all of them must be asked for, and no more."""
    current = ProbeRound(len(checks), retries, fail_on_first)
    for number, attempts in enumerate(checks):
        for attempt, result in enumerate(attempts):
            assert current.check == number
            step = current.attempt_ended(result, f"{number}.{attempt}")
            last = attempt == len(attempts) - 1
            assert (step is Step.RETRY) == (not last)
        if step is Step.OVER:
            assert number == len(checks) - 1 or not any(checks[number + 1 :])
            return current.verdict()
    raise AssertionError("the round is not over")


@pytest.mark.parametrize(
    ("attempts", "verdict"),
    [
        ([GOOD], (GOOD, "")),
        ([BAD, GOOD], (GOOD, "")),
        ([NONE, BAD, GOOD], (GOOD, "")),
        ([BAD, BAD, BAD], (BAD, "0.2")),
        ([NONE, NONE, NONE], (NONE, "0.2")),
        ([NONE, BAD, NONE], (BAD, "0.1")),
        ([BAD, NONE, NONE], (BAD, "0.0")),
    ],
)
def test_one_check(attempts: list[ProbeResult], verdict: tuple[ProbeResult, str]) -> None:
    assert played([attempts], retries=2) == verdict


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([[GOOD], [GOOD]], (GOOD, "")),
        ([[GOOD], [BAD]], (BAD, "1.0")),
        ([[BAD], [GOOD]], (BAD, "0.0")),
        ([[BAD], [BAD]], (BAD, "0.0")),
        ([[GOOD], [NONE]], (GOOD, "1.0")),
        ([[NONE], [GOOD]], (GOOD, "0.0")),
        ([[NONE], [BAD]], (BAD, "1.0")),
        ([[BAD], [NONE]], (BAD, "0.0")),
        ([[NONE], [NONE]], (NONE, "0.0")),
    ],
)
def test_two_checks(checks: list[list[ProbeResult]], verdict: tuple[ProbeResult, str]) -> None:
    assert played(checks, retries=0) == verdict


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([[BAD], []], (BAD, "0.0")),
        ([[NONE], [GOOD]], (GOOD, "0.0")),
        ([[GOOD], [BAD]], (BAD, "1.0")),
    ],
)
def test_fail_on_first(checks: list[list[ProbeResult]], verdict: tuple[ProbeResult, str]) -> None:
    assert played(checks, retries=0, fail_on_first=True) == verdict


def test_interval() -> None:
    assert next_interval(10, 10, 5.0) == 10
    assert next_interval(10, 10, 5.1) == 15
    assert next_interval(15, 10, 8.0) == 22.5
    assert next_interval(22.5, 10, 8.0) == 10
    interval = 10.0
    for _ in range(10):
        interval = next_interval(interval, 10, 1000)
    assert interval == 100
