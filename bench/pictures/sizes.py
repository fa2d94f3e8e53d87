"""Seconds over the number of inputs: the table of the reference client's README as lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from bench.pictures.style import COLOURS, GREY, NAMES, OURS, label_ends, log_x, log_y, panels, save
from bench.seed_rows import SeedRow, seed_rows
from bench.table import short, spaced

_TITLES = {"no latency": "no latency", "4 replicas": "4 replicas, 50 to 100 ms a request"}
_FORMATS = {"json": "floats as JSON", "base64": "base64"}


def draw(results: dict[str, Any], path: Path) -> None:
    """A panel for each format and server. Hollow: extrapolated. Dotted: to the size with fewer floats an input."""
    rows = seed_rows(results["measurements"], results["facts"]["machine"]["cores"])
    servers = [server for server in _TITLES if any(row.server == server for row in rows)]
    formats = [form for form in _FORMATS if any(row.format == form for row in rows)]
    figure, axes = panels(len(formats), len(servers), 0.6 + 2.5 * len(formats), sharex=True, sharey=True, squeeze=False)
    ticks = dict.fromkeys(sorted({row.inputs for row in rows}), "")
    changes = {rows[0].inputs, *(row.inputs for row in rows if row.dim != rows[0].dim)}
    ticks.update({row.inputs: f"\n{row.dim} floats" for row in rows if row.inputs in changes})
    drawn = []
    for line, form in enumerate(formats):
        for column, server in enumerate(servers):
            here = [row for row in rows if (row.format, row.server) == (form, server)]
            panel = axes[line][column]
            panel.set_title(f"{_FORMATS[form]}, {_TITLES[server]}")
            _panel(panel, here)
            log_x(panel, list(ticks), [f"{spaced(inputs)}{floats}" for inputs, floats in ticks.items()])
            drawn.append((panel, here))
        axes[line][0].set_ylabel("seconds")
    for panel in axes[-1]:
        panel.set_xlabel("inputs, in batches of 128")
    for panel, here in drawn:  # when the common limits are known
        _label(panel, here)
    save(figure, path, results["facts"])


def _panel(axes: Axes, rows: list[SeedRow]) -> None:
    usual = rows[0].dim if rows else 0
    for peer in COLOURS:
        points = [(row.inputs, row.seconds[peer], row.dim) for row in rows if peer in row.seconds]
        if not points:
            continue
        xs, ys = [x for x, _, _ in points], [seconds.median for _, seconds, _ in points]
        same = sum(dim == usual for _, _, dim in points)
        axes.plot(xs[:same], ys[:same], color=COLOURS[peer])
        axes.plot(xs[same - 1 :], ys[same - 1 :], color=COLOURS[peer], linestyle=":")
        for x, seconds, _ in points:
            fill = "white" if seconds.extrapolated else COLOURS[peer]
            axes.plot(x, seconds.median, "o", color=COLOURS[peer], markerfacecolor=fill)
    if any(row.floor_s for row in rows):
        axes.plot([row.inputs for row in rows], [row.floor_s for row in rows], color=GREY, linestyle="--", linewidth=1)
    log_y(axes)


def _label(axes: Axes, rows: list[SeedRow]) -> None:
    """Names at the ends, with how many times ours' time theirs is."""
    if not rows:
        return
    last = rows[-1]
    ends = []
    for peer, seconds in last.seconds.items():
        ratio = last.faster_than(peer)
        times = f": {short(ratio)}x" if ratio and peer != OURS else ""
        name = NAMES[peer].replace("baseten-performance-client", "the reference client")
        ends.append((last.inputs, seconds.median, f"{name}{times}", COLOURS[peer]))
    if last.floor_s:
        ends.append((last.inputs, last.floor_s, "server's floor", GREY))
    label_ends(axes, ends)

