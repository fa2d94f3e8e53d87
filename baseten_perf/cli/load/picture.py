"""A picture of a sweep: throughput over concurrency, and latency over throughput."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..extras import extra
from ..failure import USAGE, Failure
from .figures import Figures

SUFFIXES = (".png", ".svg", ".pdf")
STYLES = {"p50": "-", "p99": ":"}


def check(path: str) -> None:
    """Failure when no picture can be drawn there."""
    folder, suffix = os.path.dirname(os.path.abspath(path)), os.path.splitext(path)[1]
    if suffix not in SUFFIXES or not os.path.isdir(folder):
        raise Failure(f"cannot write {path}: a picture ends in {' or '.join(SUFFIXES)}", USAGE)
    extra("matplotlib.figure", "plot", "a picture")


def draw(points: Sequence[Figures], title: str, path: str) -> None:
    """Draw the points into a file whose suffix tells its format."""
    figure = extra("matplotlib.figure", "plot", "a picture").Figure(figsize=(11, 4.5), layout="constrained")
    throughput, latency = figure.subplots(1, 2)
    of_size: dict[int, list[Figures]] = {}
    for point in points:
        of_size.setdefault(point.batch_size, []).append(point)
    for number, (size, several) in enumerate(of_size.items()):
        color = f"C{number}"
        label = f"{size} a request"
        rates = [point.inputs_per_s for point in several]
        throughput.plot([load_of(point) for point in several], rates, color=color, marker="o", label=label)
        for name, style in STYLES.items():
            known = [(point.inputs_per_s, point.total_s[name]) for point in several if point.total_s]
            latency.plot(*transposed(known), style, color=color, marker=".", label=f"{label}, {name}")
    describe(throughput, "requests per second due" if points[0].request_rate else "requests in flight", "inputs/s")
    describe(latency, "inputs/s", "seconds per request")
    throughput.set_xscale("log", base=2)
    latency.set_yscale("log")
    figure.suptitle(title)
    figure.savefig(path)


def load_of(point: Figures) -> float:
    """What is varied: requests in flight, or the rate at which they are due."""
    return point.concurrency if point.request_rate is None else point.request_rate


def describe(axes: Any, across: str, up: str) -> None:
    """Name the axes and the lines."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    axes.legend()


def transposed(pairs: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Pairs as two lists."""
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
