"""The conditions of weather.py: servers, what is asked of them, the seconds that it takes at best, and the targets.

The ideal is what a client needs that knows the server's rule, and uses no time of its own: computed, not measured. It
holds for the mean latency; with a lognormal one a client may be a little faster or slower.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

LATENCY_S = 0.05
TIMEOUT_S = 5.0  # of an attempt
_PRESSING = 128  # requests at once, against a server that counts them
_CALM = 64  # against one that does not
_FOR_THE_CHILD = ("requests", "most", "tiny", "ideal_s", "limit_s", "backoff_ms")
_TOLD = {"ms": "retry-after-ms", "s": "Retry-After in s", "none": "untold"}
_OUTAGES = {
    "restart": "restart, connections reset", "refuse": "of refused connections", "503": "of 503", "stall": "of silence",
}


@dataclass(frozen=True, slots=True)
class Target:
    """At most: so many seconds, so many refusals in % of the requests, so many probes a second of an outage.

    share: of the server's throughput that is reached at least. tiny_s: seconds of a tiny call beside the huge one.
    peak: requests at once that the server sees at least.
    """

    seconds: float
    refused_pct: float | None = None
    probes_per_s: float | None = None
    share: float | None = None
    tiny_s: float | None = None
    peak: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """Servers of these behaviours, asked `requests` times, `most` at once, and the ideal for it.

    backoff_ms: the first one of the reference client, the best that was found (of 50, 125, 300, 1000) for such servers.
    tiny: requests of a second call, which begins while the first one waits. quick: belongs to a quick run.
    """

    group: str
    name: str
    title: str
    servers: tuple[dict[str, Any], ...] = field(hash=False)
    requests: int
    most: int
    ideal_s: float
    target: Target
    backoff_ms: int = 125
    tiny: int = 0
    quick: bool = False

    @property
    def limit_s(self) -> float:
        """When a call is given up: no target is that far from the ideal."""
        return 2 * self.ideal_s + 10

    def as_json(self) -> str:
        """What the child needs to know."""
        return json.dumps({name: getattr(self, name) for name in _FOR_THE_CHILD})


def conditions(*, quick: bool) -> dict[str, Condition]:
    """All conditions by name; with `quick` each with a quarter of the requests."""

    def amount(requests: int) -> int:
        return requests // 4 if quick else requests

    everything = (
        *_buckets(amount), *_windows(amount), _sliding(amount), *_caps(amount), *_outages(amount), _slow_start(amount),
        *_flaky(amount), _healthy(amount), _tiny_beside_huge(amount), _one_of_four(amount),
    )
    return {each.name: each for each in everything}


_Amount = Callable[[int], int]


def _buckets(amount: _Amount) -> Iterable[Condition]:
    rate, burst, requests = 250, 50, amount(1_500)
    ideal_s = (requests - burst) / rate + LATENCY_S
    for told, words in _TOLD.items():
        yield Condition(
            "token bucket", f"bucket_{told}", f"token bucket {rate}/s, {words}",
            (_server("bucket", rate=rate, burst=burst, told=told),), requests, _PRESSING, ideal_s,
            Target(_most_s(ideal_s, told=told != "none"), refused_pct=5), backoff_ms=50, quick=told == "ms",
        )


def _windows(amount: _Amount) -> Iterable[Condition]:
    """The first window is a short one; the last need not be waited for."""
    quota, length_s = 300, 3.0
    requests = max(2 * quota, amount(1_200))
    ideal_s = (requests / quota - 2 + 0.37) * length_s + LATENCY_S
    for told, words in _TOLD.items():
        yield Condition(
            "fixed and sliding window", f"window_{told}", f"{quota} per window of {length_s:.0f} s, {words}",
            (_server("window", quota=quota, length=length_s, told=told),), requests, _PRESSING, ideal_s,
            Target(_most_s(ideal_s, told=told != "none"), refused_pct=10), quick=told == "s",
        )


def _sliding(amount: _Amount) -> Condition:
    quota, requests = 300, amount(1_500)
    ideal_s = math.ceil(requests / quota) - 1 + LATENCY_S
    return Condition(
        "fixed and sliding window", "sliding_ms", f"{quota} in any 1 s, {_TOLD['ms']}",
        (_server("sliding", quota=quota, length=1.0, told="ms"),), requests, _PRESSING, ideal_s,
        Target(_most_s(ideal_s, told=True), refused_pct=10),
    )


def _caps(amount: _Amount) -> Iterable[Condition]:
    for cap, workers, status, retry_after_s, requests in (
        (32, 32, 429, 0, 2_500), (32, 32, 429, 1, 2_500), (32, 32, 503, 0, 2_500), (32, 32, 503, 1, 2_500),
        (8, 8, 429, 0, 1_000), (32, 16, 429, 1, 1_500), (32, 16, 503, 0, 1_500),
    ):
        told = "s" if retry_after_s else "none"
        ideal_s = amount(requests) * LATENCY_S / workers + LATENCY_S
        queue, suffix = (f", {workers} workers", f"_{workers}_workers") if workers < cap else ("", "")
        yield Condition(
            "concurrency cap", f"cap_{cap}_{status}_{told}{suffix}", f"cap {cap}{queue}, {status}, {_TOLD[told]}",
            (_server("cap", cap=cap, workers=workers, status=status, retry_after_s=retry_after_s),),
            amount(requests), _PRESSING, ideal_s,
            Target(_most_s(ideal_s, told=retry_after_s > 0), refused_pct=5, share=0.85), backoff_ms=300, quick=cap == 8,
        )


def _outages(amount: _Amount) -> Iterable[Condition]:
    most, requests = 32, amount(1_280)
    undisturbed_s = requests * LATENCY_S / most + LATENCY_S
    for length_s in (2.0, 10.0):
        for mode, words in _OUTAGES.items():
            if mode == "restart" and length_s > 2:
                continue
            ideal_s = undisturbed_s + length_s
            yield Condition(
                "restart and outage", f"outage_{mode}_{length_s:.0f}", f"{length_s:.0f} s {words}",
                (_server("outage", start=undisturbed_s / 2, length=length_s, mode=mode),), requests, most, ideal_s,
                Target(ideal_s + 6) if mode == "stall" else Target(ideal_s + 2, probes_per_s=2), quick=length_s == 2,
            )


def _slow_start(amount: _Amount) -> Condition:
    """After an outage of 2 s the server lets in more and more; the ideal follows the growing cap."""
    requests, start_s, length_s, ramp_s, full = amount(4_000), 0.5, 2.0, 3.0, _CALM
    rate = full / LATENCY_S
    left = max(0.0, requests - start_s * rate)
    in_ramp = rate * ramp_s / 2
    after_s = math.sqrt(2 * left * ramp_s / rate) if left < in_ramp else ramp_s + (left - in_ramp) / rate
    ideal_s = start_s + length_s + after_s + LATENCY_S
    return Condition(
        "restart and outage", "slow_start", f"2 s of 503, then a cap that grows to {full} in {ramp_s:.0f} s",
        (_server("outage", start=start_s, length=length_s, mode="503", ramp=ramp_s, full=full),), requests, full,
        ideal_s, Target(_most_s(ideal_s, told=False)), backoff_ms=1_000,
    )


def _flaky(amount: _Amount) -> Iterable[Condition]:
    requests = amount(3_200)
    ideal_s = requests * LATENCY_S / _CALM + LATENCY_S
    for share, status in ((0.01, 503), (0.05, 503), (0.05, 500)):
        yield Condition(
            "healthy and flaky", f"flaky_{100 * share:.0f}_{status}", f"{100 * share:.0f} % of {status} at random",
            (_server("flaky", share=share, status=status),), requests, _CALM, ideal_s,
            Target(_most_s(ideal_s, told=True), refused_pct=130 * share), quick=status == 500,
        )


def _healthy(amount: _Amount) -> Condition:
    requests = amount(3_200)
    ideal_s = requests * LATENCY_S / _CALM + LATENCY_S
    return Condition(
        "healthy and flaky", "healthy", "healthy", (_server("healthy"),), requests, _CALM, ideal_s,
        Target(_most_s(ideal_s, told=True), refused_pct=0, peak=_CALM), quick=True,
    )


def _tiny_beside_huge(amount: _Amount) -> Condition:
    """Fair is every second token for each of the two calls."""
    rate, burst, huge, tiny = 250, 50, amount(1_500), 40
    ideal_s = (huge + tiny - burst) / rate + LATENCY_S
    return Condition(
        "two calls, four endpoints", "tiny_beside_huge", f"{tiny} beside {huge} requests, token bucket {rate}/s",
        (_server("bucket", rate=rate, burst=burst, told="ms"),), huge, _PRESSING, ideal_s,
        Target(_most_s(ideal_s, told=True), refused_pct=5, tiny_s=2 * (2 * tiny / rate + LATENCY_S)), backoff_ms=50,
        tiny=tiny, quick=True,
    )


def _one_of_four(amount: _Amount) -> Condition:
    requests = amount(3_840)
    ideal_s = requests * LATENCY_S / _CALM + LATENCY_S
    throttled, other = _server("bucket", rate=20, burst=20, told="ms"), _server("cap", cap=_CALM)
    return Condition(
        "two calls, four endpoints", "one_of_four", "one of four endpoints throttled to 20/s",
        (throttled, other, other, other), requests, _CALM, ideal_s, Target(1.1 * ideal_s),
    )


def _server(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "latency": LATENCY_S, **fields}


def _most_s(ideal_s: float, *, told: bool) -> float:
    """The target where the server says when to come back, and where it does not."""
    return 1.15 * ideal_s + 1 if told else 1.5 * ideal_s
