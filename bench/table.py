"""Prints summaries as text that people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.peers import BASELINE
from bench.summary import Row, Spread
from bench.workloads import Workload

_COLUMNS = (
    "peer", "requests", "wall s", "rate", "(min-max)", "CPU us", "(min-max)", "kernel", "ns/float", "peak MB", "srv us",
    "faster", "(min-max)", "less CPU", "(min-max)",
)

LEGEND = f"""\
rate: requests/s, or ms for each where one comes after the other.  CPU us: user + system of the client, per request.
kernel: the system's part of it.  ns/float: CPU per float of the answers.  peak MB: highest resident memory of the
client.  srv us: CPU of the server per request, warm-up included.  faster, less CPU: ratios to
{BASELINE} in the same round, more is better.  Medians and (min-max) over the rounds, of a
round's calls the median.  "-": the peer has no such call, or nothing to count.  Peers written in Python make fewer
requests and rounds."""


def text(workload: Workload, rows: list[Row], first: list[Row], notes: dict[str, str]) -> str:
    """One workload's title and table.

    first: the rows of the first repetitions alone; notes: the peers without numbers, "-", "skipped" or what went wrong.
    """
    lines = [_COLUMNS, *(_cells(workload, row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    names = max([widths[0], *(len(peer) for peer in notes)])
    widths[0] = names
    shown = ["  " + _aligned(line, widths) for line in lines]
    shown += [f"  {peer.ljust(names)}  {note}" for peer, note in notes.items()]
    return "\n".join([_title(workload), *shown, *_first(workload, first), *_memory(workload, rows)])


def header(facts: dict[str, Any]) -> str:
    """What is known before the first measurement."""
    here = facts["machine"]
    lines = [
        f"{here['processor']}, {here['cores']} cores, {here['memory_gb']} GB, load {here['load_average'][0]}",
        f"{here['system']}, {here['python']}",
        f"server: {facts['server']}",
        "versions: " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
        f"runs: {facts['runs']}{', quick' if facts['quick'] else ''}{', uvloop' if facts.get('uvloop') else ''}",
    ]
    return "\n".join(lines)


def _title(workload: Workload) -> str:
    parts = [workload.about]
    if workload.batch > 1:
        parts.append(f"{workload.batch} inputs per request")
    if workload.dim:
        parts.append(f"{workload.dim} floats per input")
    if workload.concurrency > 1:
        parts.append(f"{workload.concurrency} at a time")
    return f"\n{workload.name}: " + ", ".join(parts)


def _cells(workload: Workload, row: Row) -> tuple[str, ...]:
    rate = row.requests_per_s
    if workload.concurrency == 1:
        shown_rate = f"{short(1e3 / rate.median)} ms"
        shown_range = _range(1e3 / rate.high, 1e3 / rate.low)
    else:
        shown_rate, shown_range = f"{short(rate.median)}/s", _range(rate.low, rate.high)
    cpu = row.cpu_us_per_request
    return (
        row.peer,
        f"{row.requests:,}",
        f"{row.wall_s.median:.3f}",
        shown_rate,
        shown_range,
        short(cpu.median),
        _range(cpu.low, cpu.high),
        short(row.kernel_us_per_request),
        _or_dash(row.cpu_ns_per_float),
        f"{row.peak_rss_mb.median:,.0f}",
        _or_dash(row.server_us_per_request),
        *_ratio(row.faster),
        *_ratio(row.less_cpu),
    )


def _first(workload: Workload, rows: Iterable[Row]) -> list[str]:
    if workload.repetitions == 1:
        return []
    return [
        f"  {row.peer}: the first of {workload.repetitions} calls took {short(row.cpu_us_per_request.median)} us CPU, "
        f"{_ratio(row.faster)[0]} faster, {_ratio(row.less_cpu)[0]} less CPU"
        for row in rows
    ]


def _memory(workload: Workload, rows: Iterable[Row]) -> list[str]:
    if not workload.for_memory:
        return []
    lines = []
    for row in rows:
        array_mb = workload.array_mb(row.requests)
        over = row.peak_rss_mb.median - array_mb
        lines.append(f"  {row.peer}: peak {row.rss_per_array:.2f} x the array of {array_mb:,.0f} MB ({over:+,.0f} MB)")
    return lines


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *others = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others])


def _ratio(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "-", "-"
    return f"{short(spread.median)}x", _range(spread.low, spread.high)


def _range(low: float, high: float) -> str:
    """Nothing for a single run, or for the reference client beside itself."""
    return "" if low == high else f"({short(low)}-{short(high)})"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else short(value)


def short(value: float) -> str:
    """Three significant digits, without exponents where numbers are large."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spaced(value: float) -> str:
    """The same with spaces between thousands."""
    return short(value).replace(",", " ")


def markdown_table(lines: Iterable[Iterable[str]]) -> str:
    """A table of these lines of cells."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
