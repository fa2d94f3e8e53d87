"""Resident memory over time during one large embed, over a million requests, and of idle connections."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes

from bench.peers import BASELINE
from bench.pictures.style import COLOURS, GREY, NAMES, OURS, key, panels, save, short, zero_y

_PEERS = (OURS, BASELINE)


def draw(results: dict[str, Any], path: Path) -> None:
    """Each line is the round whose peak is the median."""
    measurements = results["measurements"]
    figure, axes = panels(1, 3, 3.0, width_ratios=(1.4, 1.1, 0.9))
    key(figure, _PEERS, dict.fromkeys(_PEERS, "s"))
    _embed(axes[0], {peer: _typical(measurements, "embed", peer) for peer in _PEERS})
    _posts(axes[1], {peer: _typical(measurements, "posts", peer) for peer in _PEERS})
    _connections(axes[2], measurements)
    save(figure, path, results["facts"])


def _typical(measurements: list[dict[str, Any]], scenario: str, peer: str) -> dict[str, Any] | None:
    runs = [each for each in measurements if each["scenario"] == scenario and each["peer"] == peer]
    return sorted(runs, key=lambda run: float(run["peak_mb"]))[len(runs) // 2] if runs else None


def _embed(axes: Axes, runs: dict[str, dict[str, Any] | None]) -> None:
    axes.set_xlabel("seconds")
    axes.set_ylabel("resident memory, MB")
    for peer, run in runs.items():
        if run is None:
            continue
        axes.set_title(f"one embed of {run['amount']:,} x 1024 floats".replace(",", " "))
        axes.plot([moment for moment, _ in run["series"]], [mb for _, mb in run["series"]], color=COLOURS[peer])
        peak = max(run["series"], key=lambda sample: float(sample[1]))
        axes.annotate(f"{peak[1]:,.0f} MB".replace(",", " "), peak, xytext=(0, 3), textcoords="offset points",
                      color=COLOURS[peer], ha="center", fontsize=8)
        if peer == OURS:
            axes.axhline(run["array_mb"], color=GREY, linestyle="--", linewidth=1)
            axes.annotate("the array alone", (1.0, run["array_mb"]), xycoords=("axes fraction", "data"), ha="right",
                          xytext=(0, 3), textcoords="offset points", color=GREY, fontsize=8)
    axes.margins(y=0.12)
    zero_y(axes)


def _posts(axes: Axes, runs: dict[str, dict[str, Any] | None]) -> None:
    axes.set_xlabel("tiny requests")
    for peer, run in runs.items():
        if run is None:
            continue
        axes.set_title(f"over {short(run['amount'])} requests, MB")
        count = len(run["after_mb"])
        xs = [run["amount"] * (place + 1) / count for place in range(count)]
        axes.plot(xs, run["after_mb"], color=COLOURS[peer])
        axes.set_xticks([0, run["amount"] / 2, run["amount"]], ["0", short(run["amount"] / 2), short(run["amount"])])
    zero_y(axes)


def _connections(axes: Axes, measurements: list[dict[str, Any]]) -> None:
    axes.set_title("KB an idle connection")
    for place, peer in enumerate(_PEERS):
        kb = [
            each["kb_each"] for each in measurements
            if each["scenario"] == "connections" and each["peer"] == peer and each["kb_each"] is not None
        ]
        if not kb:
            continue
        axes.bar(place, median(kb), color=COLOURS[peer], width=0.6)
        axes.annotate(f"{median(kb):.0f}", (place, median(kb)), xytext=(0, 3), textcoords="offset points", ha="center",
                      color=COLOURS[peer])
    axes.set_xticks(range(len(_PEERS)), [NAMES[peer].replace("baseten-performance-client", "reference")
                                         for peer in _PEERS])
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.12)
    zero_y(axes)
