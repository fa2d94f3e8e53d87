"""From raw runs of run.py to the tables of both READMEs: how many times faster ours is, workload by workload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.peers import BASELINE
from bench.summary import Row, Spread, summarise
from bench.table import markdown_table, spaced
from bench.workloads import LABELS, THEMES, WORKLOADS

_OURS = "baseten_perf"
OTHERS = {
    "openai": "AsyncOpenAI", "openai_base64": "AsyncOpenAI/base64", "aiohttp": "aiohttp", "wreq": "wreq",
    "pyreqwest": "pyreqwest", "pycurl": "pycurl multi", "httpx": "httpx",
}
# Rows of the README's table: where the reference client and the other peers come closest, and where they do not. Of
# several names the first one with results: a result that is kept is what most programs ask for.
_SHORT = (
    ("tiny_128",), ("kept_16x1024", "embed_16x1024"), ("kept_base64_16x1024", "base64_16x1024"), ("rerank",),
    ("async_post_128",), ("sync_embed", "sequential"), ("import_time",), ("first_answer",),
)
# Workloads whose first call in a process is told apart.
_FIRST = ("tiny_128", "tiny_512", "embed_16x1024", "embed_128x1024", "base64_16x1024", "rerank", "classify")
_COLD = {"import_time": "import", "first_answer": "import, client, first answer"}


def speed(measurements: list[dict[str, Any]]) -> str:
    """For the README, narrow: how many times faster ours is, workload by workload, and where it is slower."""
    table = _rows(measurements, (name for names in _SHORT for name in names))
    peers = {BASELINE: "reference client", **_others(table)}
    lines = [["times faster than", *peers.values()], ["---", *["---:"] * len(peers)]]
    for names in _SHORT:
        rows = next((table[name] for name in names if name in table), None)
        if rows:
            label = (LABELS | _COLD)[rows[_OURS].workload]
            lines.append([label, *(_times(rows[_OURS], rows.get(peer)) for peer in peers)])
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def themes(measurements: list[dict[str, Any]]) -> list[str]:
    """A table for each theme, and what they all have in common."""
    tables = [
        f"{theme}:\n\n{_theme(table, labels)}"
        for theme, labels in THEMES.items()
        if (table := _rows(measurements, labels))
    ]
    return [*tables, "The last columns: times faster / times less CPU." + _first(measurements)]


def _times(ours: Row, other: Row | None) -> str:
    """How many times faster ours is; bold where it is not."""
    if other is None:
        return "-"
    # With the reference client, whose rounds take turns with ours, round by round.
    paired = ours.faster if other.peer == BASELINE else None
    faster = paired.median if paired else ours.requests_per_s.median / other.requests_per_s.median
    return spaced(faster) if faster > 1 else f"**{spaced(faster)}**"


def _theme(table: dict[str, dict[str, Row]], labels: dict[str, str]) -> str:
    """A line for each workload: our rate, and ratios; against the reference client with the range over the rounds."""
    others = _others(table)
    lines = [
        ["workload", "requests/s", "CPU µs", "faster than the reference client", "less CPU than it",
         *(f"than {name}" for name in others.values())],
        ["---", *["---:"] * (4 + len(others))],
    ]
    for name, rows in table.items():
        ours = rows[_OURS]
        lines.append([
            labels[name], spaced(ours.requests_per_s.median), spaced(ours.cpu_us_per_request.median),
            _spread(ours.faster), _spread(ours.less_cpu), *(_pair(ours, rows.get(peer)) for peer in others),
        ])
    return markdown_table(lines)


def _first(measurements: list[dict[str, Any]]) -> str:
    """The batches whose memory is used again: what the first call in a process gives."""
    told = []
    for name in _FIRST:
        rows = {row.peer: row for row in summarise(WORKLOADS[name], measurements, first=True)}
        if _OURS in rows:
            ours = rows[_OURS]
            told.append(
                f"{LABELS[name]} {_spread(ours.faster)}, {_spread(ours.less_cpu)} less CPU "
                f"({spaced(ours.cpu_us_per_request.median)} µs)"
            )
    if not told:
        return ""
    return (
        " Batches count with the median of calls of the same size one after another, as a pipeline makes them. "
        f"The first of them, for which the system has to find and clear memory: {'; '.join(told)}."
    )


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return f"**{spread.median:.1f}x**" + (f" ({spread.low:.1f}-{spread.high:.1f})" if spread.low != spread.high else "")


def _pair(ours: Row, other: Row | None) -> str:
    if other is None:
        return "-"
    faster = ours.requests_per_s.median / other.requests_per_s.median
    return f"{spaced(faster)} / {spaced(other.cpu_us_per_request.median / ours.cpu_us_per_request.median)}"


def _rows(measurements: list[dict[str, Any]], names: Iterable[str]) -> dict[str, dict[str, Row]]:
    """By workload and peer, those that ours has results of."""
    rows = {name: {row.peer: row for row in summarise(WORKLOADS[name], measurements)} for name in names}
    return {name: of_peer for name, of_peer in rows.items() if _OURS in of_peer}


def _others(table: dict[str, dict[str, Row]]) -> dict[str, str]:
    """The other peers that have a result in this table."""
    return {peer: title for peer, title in OTHERS.items() if any(peer in rows for rows in table.values())}
