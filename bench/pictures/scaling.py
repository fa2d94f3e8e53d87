"""The scaling curves: rates over connections, dimension, batch and inputs; memory over inputs; loops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from bench.curve_points import CurvePoint, curve_points
from bench.peers import BASELINE
from bench.pictures.style import COLOURS, GREY, OURS, key, label_ends, log_x, panels, save, zero_y

_PEERS = (OURS, BASELINE)
_Value = Callable[[CurvePoint, float], float]


def _requests(point: CurvePoint, rate: float) -> float:
    return rate


def _inputs(point: CurvePoint, rate: float) -> float:
    return rate * point.batch


def _floats(point: CurvePoint, rate: float) -> float:
    return rate * point.batch * point.dim


_PANELS: dict[str, tuple[str, str, _Value]] = {
    "connections": ("tiny POSTs a second", "connections", _requests),
    "dimension": ("floats a second, JSON", "floats an input, 16 inputs a request", _floats),
    "batch": ("inputs a second, JSON", "inputs a request, 384 floats each", _inputs),
    "inputs": ("inputs a second, JSON", "inputs of one embed, 8 floats each", _inputs),
}


def draw(results: dict[str, Any], path: Path) -> None:
    """Six panels; curves that were not measured leave theirs empty."""
    points = curve_points(results["measurements"])
    figure, axes = panels(2, 3, 5.6)
    key(figure, _PEERS)
    flat = list(axes.flat)
    for panel, name in zip(flat, _PANELS, strict=False):
        _curve(panel, name, points)
    _memory(flat[4], points)
    _loops(flat[5], points)
    save(figure, path, results["facts"])


def _curve(axes: Axes, name: str, points: list[CurvePoint]) -> None:
    """Median lines with the range of the rounds."""
    title, what, value = _PANELS[name]
    axes.set_title(title)
    axes.set_xlabel(what)
    for peer in _PEERS:
        here = [point for point in points if point.curve == name and point.peer == peer]
        xs = [point.x for point in here]
        axes.plot(xs, [value(point, point.rate) for point in here], "o-", color=COLOURS[peer])
        axes.fill_between(xs, [value(point, point.low) for point in here], [value(point, point.high) for point in here],
                          color=COLOURS[peer], alpha=0.15, linewidth=0)
        if here:
            log_x(axes, xs, [_tick(x) for x in xs])
    zero_y(axes)


def _memory(axes: Axes, points: list[CurvePoint]) -> None:
    axes.set_title("peak memory, MB")
    axes.set_xlabel("inputs of one embed, 8 floats each")
    for peer in _PEERS:
        here = [point for point in points if point.curve == "inputs" and point.peer == peer]
        xs = [point.x for point in here]
        axes.plot(xs, [point.peak_mb for point in here], "o-", color=COLOURS[peer])
        if here and peer == OURS:
            axes.plot(xs, [point.array_mb for point in here], "--", color=GREY, linewidth=1)
            axes.annotate("the array alone", (xs[-1], here[-1].array_mb), xytext=(0, 4), textcoords="offset points",
                          ha="right", color=GREY, fontsize=8)
            log_x(axes, xs, [_tick(x) for x in xs])
    zero_y(axes)


def _loops(axes: Axes, points: list[CurvePoint]) -> None:
    """Rates relative to one loop; only ours can choose their number."""
    axes.set_title("rate, relative to one loop thread")
    axes.set_xlabel("loop threads")
    ends = []
    for curve, style in (("loops, tiny", "o-"), ("loops, JSON", "s--")):
        here = [point for point in points if point.curve == curve and point.peer == OURS]
        if not here:
            continue
        xs = [point.x for point in here]
        rates = [point.rate / here[0].rate for point in here]
        axes.plot(xs, rates, style, color=COLOURS[OURS])
        axes.set_xticks(xs)
        ends.append((xs[-1], rates[-1], curve.removeprefix("loops, "), COLOURS[OURS]))
    zero_y(axes)
    label_ends(axes, ends)


def _tick(x: int) -> str:
    return str(x) if x < 10_000 else f"{x / 1e6:.0f}M" if x >= 1_000_000 else f"{x / 1e3:.0f}k"
