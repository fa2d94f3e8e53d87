"""How many times faster, and on how much less CPU, ours carries out each workload of run.py than each peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from bench.peers import BASELINE, PEERS
from bench.pictures.style import COLOURS, GREY, OURS, key, log_x, panels, save
from bench.summary import Row, summarise
from bench.workloads import LABELS, WORKLOADS

# Not all: what users spend their time on, and what each other row is a variant of.
_SHOWN = (
    "tiny_128", "embed_16x1024", "embed_128x1024", "base64_16x1024", "kept_16x1024", "kept_base64_16x1024",
    "one_vector_embeds", "real_texts", "list_of_lists", "rerank", "classify", "sync_embed", "sequential",
    "async_embed_128", "async_post_128", "tls_tiny", "tls_embed_16x1024", "tls_base64_16x1024",
)
_TICKS = (0.2, 0.5, 1, 2, 5, 10, 30, 100)


def draw(results: dict[str, Any], path: Path) -> None:
    """A bar for the reference client, with the range over the rounds and its number on the right; a dot for others."""
    raw = results["measurements"]
    rows = {name: {row.peer: row for row in summarise(WORKLOADS[name], raw)} for name in _SHOWN}
    shown = [name for name in _SHOWN if OURS in rows[name] and len(rows[name]) > 1]
    figure, axes = panels(1, 2, 1.1 + 0.34 * len(shown), sharey=True)
    peers = [peer for peer in PEERS if peer != OURS and any(peer in rows[name] for name in shown)]
    key(figure, peers, {BASELINE: "s"})
    axes[0].set_title("throughput: baseten_perf / peer")
    axes[1].set_title("CPU a request: peer / baseten_perf")
    _panel(axes[0], {name: _faster(rows[name]) for name in shown}, _ranges(rows, shown, "faster"))
    _panel(axes[1], {name: _less_cpu(rows[name]) for name in shown}, _ranges(rows, shown, "less_cpu"))
    axes[0].set_yticks(range(len(shown)), [LABELS[name] for name in shown])
    axes[0].set_ylim(len(shown) - 0.4, -0.6)
    save(figure, path, results["facts"])


def _panel(axes: Axes, ratios: dict[str, dict[str, float]], ranges: dict[str, tuple[float, float]]) -> None:
    for place, (name, of_peer) in enumerate(ratios.items()):
        for peer, ratio in of_peer.items():
            if peer == BASELINE:
                axes.barh(place, ratio - 1, left=1, height=0.55, color=COLOURS[peer], alpha=0.85)
                axes.plot(ranges[name], (place, place), color="#5a3000", linewidth=1)
                axes.annotate(f"{ratio:.1f}x", (1.0, place), xycoords=("axes fraction", "data"), xytext=(28, 0),
                              textcoords="offset points", va="center", ha="right", color=COLOURS[peer],
                              fontweight="bold")
            else:
                axes.plot(ratio, place, "o", color=COLOURS[peer], markersize=5)
    log_x(axes, _TICKS, [f"{tick:g}x" for tick in _TICKS])
    axes.axvline(1, color=GREY, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _faster(rows: dict[str, Row]) -> dict[str, float]:
    """Ratios of the medians; for the reference client the median of the ratios in each round."""
    ours = rows[OURS]
    ratios = {peer: ours.requests_per_s.median / row.requests_per_s.median for peer, row in rows.items()}
    return _others(ratios, ours.faster.median if ours.faster else None)


def _less_cpu(rows: dict[str, Row]) -> dict[str, float]:
    ours = rows[OURS]
    cpu_us = ours.cpu_us_per_request.median
    ratios = {peer: row.cpu_us_per_request.median / cpu_us for peer, row in rows.items()}
    return _others(ratios, ours.less_cpu.median if ours.less_cpu else None)


def _others(ratios: dict[str, float], original: float | None) -> dict[str, float]:
    ordered = {peer: ratios[peer] for peer in PEERS if peer in ratios and peer != OURS}
    if original is not None:
        ordered[BASELINE] = original
    return ordered


def _ranges(rows: dict[str, dict[str, Row]], shown: list[str], field: str) -> dict[str, tuple[float, float]]:
    spreads = {name: getattr(rows[name][OURS], field) for name in shown}
    return {name: (spread.low, spread.high) if spread else (1.0, 1.0) for name, spread in spreads.items()}
