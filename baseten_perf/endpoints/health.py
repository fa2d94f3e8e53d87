"""An endpoint's health: the snapshot that users read, and how the answers of a round of checks become one result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# A round that takes longer than this share of the interval stretches it by this factor, up to so many times its length.
SLOW_SHARE = 0.5
STRETCH = 1.5
MOST_STRETCH = 10.0


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What is known of an endpoint at one moment.

    Attributes:
        base_url: of the endpoint, without its query.
        healthy: whether requests are preferably sent there; true until a round of checks fails.
        last_check: when the last round of checks ended, in seconds as by `time.time()`; None before the first.
        last_latency: seconds that the last answer to a check took; None before the first.
        consecutive_failures: rounds in succession that found it unhealthy.
        reason: why it is unhealthy, or why a check gave no verdict; "" when all is well.
    """

    base_url: str
    healthy: bool = True
    last_check: float | None = None
    last_latency: float | None = None
    consecutive_failures: int = 0
    reason: str = ""


class ProbeResult(Enum):
    """What an attempt, a check or a round says about the endpoint."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    NONE = "none"  # it stays as it was


class Step(Enum):
    """What comes after an attempt."""

    RETRY = "retry"
    NEXT_CHECK = "next check"
    OVER = "over"


class ProbeRound:
    """The checks of an endpoint, one after another, each with its retries.

    A check that succeeds once is healthy; one that never does is unhealthy, unless all its attempts gave no vote. The
    round is unhealthy when any check is, healthy when any of the others is, and else gives no vote.

    Parameters:
        checks: how many checks there are.
        retries: further attempts of a check after its first has failed.
        fail_on_first: whether an unhealthy check ends the round.
    """

    def __init__(self, checks: int, retries: int, fail_on_first: bool) -> None:
        self._checks = checks
        self._retries = retries
        self._fail_on_first = fail_on_first
        self._attempts = 0  # of the check under way
        self._worst = (ProbeResult.NONE, "")  # of its attempts
        self._verdicts: list[tuple[ProbeResult, str]] = []

    @property
    def check(self) -> int:
        """The number of the check under way."""
        return len(self._verdicts)

    def attempt_ended(self, result: ProbeResult, reason: str) -> Step:
        """Count an attempt of the check under way."""
        self._attempts += 1
        if result is ProbeResult.HEALTHY:
            self._worst = (result, "")
        else:
            if result is ProbeResult.UNHEALTHY or self._worst[0] is ProbeResult.NONE:
                self._worst = (result, reason)
            if self._attempts <= self._retries:
                return Step.RETRY
        self._verdicts.append(self._worst)
        failed = self._worst[0] is ProbeResult.UNHEALTHY
        self._attempts = 0
        self._worst = (ProbeResult.NONE, "")
        if len(self._verdicts) == self._checks or (failed and self._fail_on_first):
            return Step.OVER
        return Step.NEXT_CHECK

    def verdict(self) -> tuple[ProbeResult, str]:
        """The result of the round and its reason; a healthy round may have one, when a check gave no vote."""
        results = [result for result, _ in self._verdicts]
        if ProbeResult.UNHEALTHY in results:
            result = wanted = ProbeResult.UNHEALTHY
        else:
            result, wanted = (
                (ProbeResult.HEALTHY if ProbeResult.HEALTHY in results else ProbeResult.NONE),
                ProbeResult.NONE,
            )
        return result, next((reason for said, reason in self._verdicts if said is wanted), "")


def next_interval(interval_s: float, base_s: float, took_s: float) -> float:
    """Seconds until the next round, after one that came `interval_s` after its predecessor and took `took_s`."""
    if took_s > SLOW_SHARE * interval_s:
        return min(interval_s * STRETCH, base_s * MOST_STRETCH)
    return base_s
