"""Figures: what the samples of one point of a sweep come to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .sample import Sample

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
NUMBERED = re.compile(r"\w*\d\w*")
KNEE = 0.9  # of the highest throughput


@dataclass(frozen=True)
class Figures:
    """One point.

    Attributes:
        batch_size: texts in each request.
        concurrency: requests in flight; in an open loop the most that there were.
        request_rate: requests a second that were due; None in a closed loop.
        seconds: for which it was measured.
        requests: that ended in this time.
        errors: how many of these have failed, by reason; see reasons.
        requests_per_s, inputs_per_s, tokens_per_s: of those that have not.
        first_byte_s, total_s: quantiles of their seconds, by name; empty when there are none.
    """

    batch_size: int
    concurrency: int
    request_rate: float | None
    seconds: float
    requests: int
    errors: dict[str, int]
    requests_per_s: float
    inputs_per_s: float
    tokens_per_s: float
    first_byte_s: dict[str, float]
    total_s: dict[str, float]

    @classmethod
    def of(
        cls, samples: Sequence[Sample], seconds: float, batch_size: int, concurrency: int, rate: float | None = None
    ) -> Figures:
        """What samples come to that were taken for so many seconds."""
        good = [sample for sample in samples if not sample.error]
        return cls(
            batch_size=batch_size,
            concurrency=concurrency,
            request_rate=rate,
            seconds=seconds,
            requests=len(samples),
            errors=reasons(sample.error for sample in samples if sample.error),
            requests_per_s=len(good) / seconds,
            inputs_per_s=sum(sample.inputs for sample in good) / seconds,
            tokens_per_s=sum(sample.tokens for sample in good) / seconds,
            first_byte_s=quantiles([sample.first_byte for sample in good]),
            total_s=quantiles([sample.total for sample in good]),
        )

    @property
    def failed(self) -> int:
        """How many requests have failed."""
        return sum(self.errors.values())

    def json(self) -> dict[str, Any]:
        """Itself as plain values."""
        return asdict(self)


def reasons(errors: Iterable[str]) -> dict[str, int]:
    """How often each error has come. Those that differ in numbers and ids only are one: the first of them."""
    firsts: dict[str, str] = {}
    counts = Counter(firsts.setdefault(NUMBERED.sub("", error), error) for error in errors)
    return dict(counts.most_common())


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """The quantiles of some times, by name."""
    import numpy

    return {name: float(numpy.quantile(seconds, share)) for name, share in QUANTILES.items()} if seconds else {}


def knees(points: Iterable[Figures]) -> dict[int, Figures]:
    """For each batch size the point with the least concurrency that has nearly the highest throughput."""
    of_size: dict[int, list[Figures]] = {}
    for point in points:
        of_size.setdefault(point.batch_size, []).append(point)
    found = {}
    for size, several in of_size.items():
        best = max(point.inputs_per_s for point in several)
        enough = [point for point in several if point.inputs_per_s >= KNEE * best > 0]
        if enough:
            found[size] = min(enough, key=lambda point: point.concurrency)
    return found
