"""How all pictures look: one colour and one name a peer, few lines, labels where the data are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
from PIL import Image

OURS = "baseten_perf"
COLOURS = {
    OURS: "#0b5fd0",
    "baseten_performance_client": "#e07800",
    "openai": "#1f9254",
    "aiohttp": "#8451b8",
    "pycurl": "#c2306b",
    "httpx": "#707070",
    "openai_base64": "#8fc31f",
    "wreq": "#7a4a21",
    "pyreqwest": "#00a3a3",
}
NAMES = {
    OURS: "baseten_perf",
    "baseten_performance_client": "baseten-performance-client",
    "openai": "AsyncOpenAI",
    "aiohttp": "aiohttp",
    "pycurl": "pycurl multi",
    "httpx": "httpx",
    "openai_base64": "AsyncOpenAI/base64",
    "wreq": "wreq",
    "pyreqwest": "pyreqwest",
}
GREY = "#8a8a8a"
_WIDTH = 9.0  # inches; 100 pixels each where a README shows it 900 wide
_DPI = 180
_PNG_COLOURS = 128
_LEAST_GAP = 0.075  # between labels at the end of lines, as a share of the axes' height

pyplot.rcParams.update({
    "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#b0b0b0", "axes.labelcolor": "#404040",
    "xtick.color": "#404040", "ytick.color": "#404040", "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#e8e8e8", "grid.linewidth": 0.7, "lines.linewidth": 1.8, "lines.markersize": 4.5,
    "text.parse_math": False,
})


def panels(rows: int, columns: int, height: float, **more: Any) -> tuple[Figure, Any]:
    """A figure of the common width with so many axes."""
    return pyplot.subplots(rows, columns, figsize=(_WIDTH, height), layout="constrained", **more)


def save(figure: Figure, path: Path, facts: Mapping[str, Any]) -> None:
    """Writes the PNG; the machine and, if so, that it is no measurement, are in its last line."""
    here = facts["machine"]
    original = facts["versions"].get("baseten_performance_client")
    line = f"{here['processor']}, {here['cores']} cores, client and server on it; {facts['taken_at'][:10]}"
    line += f"; baseten-performance-client {original}" if original else ""
    if facts["quick"]:
        line = "QUICK RUN, NOT A MEASUREMENT; " + line
    figure.supxlabel(line, fontsize=7, color="#c00000" if facts["quick"] else GREY, x=0.005, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI)
    pyplot.close(figure)
    with Image.open(path) as image:  # a third of the size, and nobody sees a difference
        image.convert("RGB").quantize(_PNG_COLOURS).save(path, optimize=True)


def log_x(axes: Axes, ticks: Sequence[float], labels: Sequence[str] | None = None) -> None:
    """A logarithmic x axis with just these ticks."""
    axes.set_xscale("log")
    axes.set_xticks(ticks, labels if labels is not None else [short(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def log_y(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.yaxis.set_minor_locator(NullLocator())


def zero_y(axes: Axes) -> None:
    """A linear y axis from 0 with short numbers."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(value: float) -> str:
    """1 200 000 as 1.2M, 131 072 as 131k, 0.05 as 0.05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Writes (x, y, text, colour) to the right of the lines' ends, moved apart where they would overlap."""
    axes.figure.canvas.draw()  # the limits are final only now
    to_axes = axes.transAxes.inverted()
    places = sorted(
        (float(to_axes.transform(axes.transData.transform((x, y)))[1]), text, colour) for x, y, text, colour in ends
    )
    height = float("-inf")
    shift = max(0.0, sum(1 for _ in places) * _LEAST_GAP - 1.0)
    for wanted, text, colour in places:
        height = max(wanted - shift, height + _LEAST_GAP)
        axes.annotate(
            text, (1.0, height), xycoords="axes fraction", xytext=(4, 0), textcoords="offset points", color=colour,
            va="center", fontsize=8, annotation_clip=False,
        )


def key(figure: Figure, peers: Sequence[str], marks: Mapping[str, str] | None = None) -> None:
    """The peers' names in their colours, in one line above all panels."""
    marks = marks or {}
    handles = [
        Line2D(
            [], [], color=COLOURS[peer], marker=marks.get(peer, "o"), linewidth=0, markersize=6, label=NAMES[peer]
        )
        for peer in peers
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=len(peers), frameon=False, labelcolor="linecolor",
        handletextpad=0.1, columnspacing=1.2 if len(peers) < 7 else 0.6, borderaxespad=0.2,
        fontsize=9 if len(peers) < 7 else 8,
    )
