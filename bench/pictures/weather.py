"""Foul weather: time over the ideal, refusals and lost answers of each client under each condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.conditions import conditions
from bench.pictures.style import COLOURS, GREY, NAMES, log_x, panels, save
from bench.weather_rows import CLIENTS, Row, rows

_TICKS = (0.1, 0.3, 1, 2, 4)
_SHIFT = 0.22  # between the clients of one line
_LEAST_LOST = 0.5  # where none were lost, on a logarithmic axis


def draw(results: dict[str, Any], path: Path) -> None:
    """Three panels with a line for each condition: a dot for a call that got everything, a cross for others."""
    known = conditions(quick=results["facts"]["quick"])
    table = rows(known.values(), results["measurements"])
    shown = list(dict.fromkeys(row.condition for row in table))
    figure, axes = panels(1, 3, 1.2 + 0.29 * len(shown), sharey=True, width_ratios=(2.2, 1, 1))
    for panel, title in zip(axes, ("time / ideal (grey: target)", "refused, %", "answers lost"), strict=True):
        panel.set_title(title)
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    _key(figure)
    for place, condition in enumerate(shown):
        limit = condition.target.seconds / condition.ideal_s
        axes[0].plot([limit, limit], [place - 0.4, place + 0.4], color=GREY, linewidth=1.2)
        if condition.target.refused_pct is not None:
            axes[1].plot([condition.target.refused_pct] * 2, [place - 0.4, place + 0.4], color=GREY, linewidth=1.2)
        for row in table:
            if row.condition is condition:
                _mark(axes, place + _SHIFT * (list(CLIENTS).index(row.peer) - 1), row)
    for panel in axes:
        for place in range(1, len(shown)):
            panel.axhline(place - 0.5, color="#f0f0f0", linewidth=0.7)
    log_x(axes[0], _TICKS, [f"{tick:g}x" for tick in _TICKS])
    axes[1].set_xscale("symlog", linthresh=1)
    axes[1].set_xticks((0, 1, 10, 100), ("0", "1", "10", "100"))
    axes[1].set_xlim(-0.4, 1_500)
    log_x(axes[2], (_LEAST_LOST, 10, 100, 1000), ("none", "10", "100", "1000"))
    axes[0].set_yticks(range(len(shown)), [condition.title for condition in shown])
    axes[0].set_ylim(len(shown) - 0.4, -0.6)
    save(figure, path, results["facts"])


def _mark(axes: list[Axes], place: float, row: Row) -> None:
    colour, whole = COLOURS[row.peer], row.answered_pct == 100
    style: dict[str, Any] = {"color": colour, "marker": "o" if whole else "x", "linewidth": 0, "markersize": 5}
    time = row.seconds / row.condition.ideal_s
    axes[0].plot([time], [place], **style)
    axes[1].plot([row.refused_pct], [place], **style)
    axes[2].plot([max(row.lost, _LEAST_LOST)], [place], **style)
    if not whole:
        axes[0].annotate(f"{int(row.answered_pct)} %", (time, place), xytext=(5, 0), va="center", fontsize=6.5,
                         textcoords="offset points", color=colour)


def _key(figure: Any) -> None:
    """The clients' names, and what the marks mean."""
    handles = [
        Line2D([], [], color=COLOURS[peer], marker="o", linewidth=0, markersize=6, label=NAMES[peer])
        for peer in CLIENTS
    ]
    handles.append(Line2D([], [], color=GREY, marker="x", linewidth=0, markersize=6, label="failed, with % answered"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, labelcolor="linecolor",
                  handletextpad=0.1, columnspacing=1.2, borderaxespad=0.2)
