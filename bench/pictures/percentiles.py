"""Latency of single calls over percentiles, and what a cold start takes."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.latency import WAYS, by_peer, percentile, wall_ms
from bench.pictures.style import COLOURS, NAMES, key, panels, save
from bench.workloads import COLD_KINDS

_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_TICKS = (0.5, 0.9, 0.99, 0.999)
_TITLES = {
    "sync, 1": "sync, one by one",
    "async, 1": "async, one by one",
    "async, 128": "async, 128 at a time",
}


def draw(results: dict[str, Any], path: Path) -> None:
    """Three panels of percentiles, in microseconds, and bars of the time to a first answer."""
    measurements = results["measurements"]
    figure, axes = panels(1, 4, 3.4, width_ratios=(1, 1, 1, 1.15))
    peers = [peer for peer in COLOURS if any(each["peer"] == peer for each in measurements)]
    key(figure, peers)
    for panel in axes[1:3]:
        panel.sharey(axes[0])
        panel.tick_params(labelleft=False)
    for panel, way in zip(axes, WAYS, strict=False):
        _panel(panel, by_peer(measurements, way))
        panel.set_title(_TITLES[way])
    axes[0].set_ylabel("latency of a call")
    _cold(axes[3], measurements)
    save(figure, path, results["facts"])


def _panel(axes: Axes, runs: dict[str, list[dict[str, Any]]]) -> None:
    """Each nine of the percentile takes the same width."""
    axes.set_xscale("log")
    for peer, of_peer in runs.items():
        values = [percentile(of_peer, quantile) for quantile in _QUANTILES]
        axes.plot([1 / (1 - quantile) for quantile in _QUANTILES], values, color=COLOURS[peer])
    axes.set_xticks([1 / (1 - quantile) for quantile in _TICKS], [f"p{100 * quantile:g}" for quantile in _TICKS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda us, _: f"{us:g} µs" if us < 1e3 else f"{us / 1e3:g} ms"))
    axes.yaxis.set_minor_locator(NullLocator())


def _cold(axes: Axes, measurements: list[dict[str, Any]]) -> None:
    axes.set_title("cold start, ms")
    axes.set_xlabel("import (dark) to first answer")
    imports, answers = (by_peer(measurements, kind) for kind in COLD_KINDS)
    peers = [peer for peer in COLOURS if peer in imports and peer in answers]
    for place, peer in enumerate(peers):
        first_ms = median(wall_ms(run) for run in answers[peer])
        import_ms = median(wall_ms(run) for run in imports[peer])
        axes.barh(place, first_ms, color=COLOURS[peer], alpha=0.35)
        axes.barh(place, min(import_ms, first_ms), color=COLOURS[peer])
        axes.annotate(f"{first_ms:.0f} {NAMES[peer].replace('baseten-performance-client', 'the reference client')}",
                      (first_ms, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5,
                      color=COLOURS[peer])
    longest = max((median(wall_ms(run) for run in answers[peer]) for peer in peers), default=1.0)
    axes.set_xlim(0, longest * 1.7)
    axes.set_ylim(len(peers) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
