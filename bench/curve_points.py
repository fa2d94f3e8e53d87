"""The points of scaling curves from raw measurements: rate and CPU of each peer at each x, medians and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One peer at one x. rate, low, high: requests per second, median and range; cpu_us: of a request."""

    curve: str
    x: int
    peer: str
    batch: int
    dim: int
    rate: float
    low: float
    high: float
    cpu_us: float
    peak_mb: float
    array_mb: float


def curve_points(measurements: list[dict[str, Any]]) -> list[CurvePoint]:
    """In the order of the measurements; failed ones are left out."""
    good = [each for each in measurements if "error" not in each]
    keys = dict.fromkeys((each["curve"], each["x"], each["peer"]) for each in good)
    return [_point(key, [each for each in good if _key(each) == key]) for key in keys]


def text(measurements: list[dict[str, Any]]) -> str:
    """A line for each point."""
    lines = [f"{'curve':12} {'x':>9} {'peer':27} {'requests/s':>11} {'CPU us':>9} {'inputs/s':>11} {'peak MB':>8}"]
    for point in curve_points(measurements):
        lines.append(
            f"{point.curve:12} {point.x:>9,} {point.peer:27} {point.rate:>11,.0f} {point.cpu_us:>9,.1f} "
            f"{point.rate * point.batch:>11,.0f} {point.peak_mb:>8,.0f}"
        )
    return "\n".join(lines)


def _key(measurement: dict[str, Any]) -> tuple[str, int, str]:
    return measurement["curve"], measurement["x"], measurement["peer"]


def _point(key: tuple[str, int, str], runs: list[dict[str, Any]]) -> CurvePoint:
    rates = [run["requests"] / run["repetitions"][0]["wall_s"] for run in runs]
    cpu_us = [run["repetitions"][0]["cpu_s"] / run["requests"] * 1e6 for run in runs]
    peak_mb = [run["repetitions"][0]["peak_rss_mb"] for run in runs]
    first = runs[0]
    array_mb = first["requests"] * first["batch"] * first["dim"] * 4 / 1e6
    return CurvePoint(
        *key, first["batch"], first["dim"], median(rates), min(rates), max(rates), median(cpu_us), median(peak_mb),
        array_mb,
    )
