"""The rows of seed_table.py, from raw measurements: seconds of each peer, extrapolated ones marked, and ratios."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.peers import BASELINE
from bench.table import markdown_table, spaced

OURS = "baseten_perf"
OPENAI = "openai"
_NEAR = 1.25  # times the floor
_BUSY = 0.75  # of the cores
_TOO_SHORT_S = 0.2  # for the 10 ms ticks in which a server's CPU is counted
_NAMES = {OURS: "baseten_perf (s)", BASELINE: f"{BASELINE} (s)", OPENAI: "AsyncOpenAI (s)"}


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall-clock time for all inputs: median and range over the rounds; extrapolated when a part was measured."""

    median: float
    low: float
    high: float
    extrapolated: bool
    measured_requests: int

    def __str__(self) -> str:
        return f"{spaced(self.median)}{'*' if self.extrapolated else ''}"


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One size against one server in one format.

    floor_s: what the server's latency alone takes. limit: what kept ours from being faster.
    """

    server: str
    format: str
    inputs: int
    requests: int
    dim: int
    floor_s: float
    seconds: dict[str, Seconds]
    limit: str

    def faster_than(self, peer: str) -> float | None:
        """How many times the peer's time is ours."""
        if OURS not in self.seconds or peer not in self.seconds:
            return None
        return self.seconds[peer].median / self.seconds[OURS].median


def seed_rows(measurements: list[dict[str, Any]], cores: int) -> list[SeedRow]:
    """By server, format and size, measured on so many cores; failed measurements are left out."""
    good = [each for each in measurements if "error" not in each]
    keys = sorted({(each["server"], each["format"], each["inputs"]) for each in good}, key=_order)
    rows = []
    for key in keys:
        here = [each for each in good if (each["server"], each["format"], each["inputs"]) == key]
        first = here[0]
        peers = dict.fromkeys(each["peer"] for each in here)
        seconds = {peer: _seconds([each for each in here if each["peer"] == peer]) for peer in peers}
        limit = _limit([each for each in here if each["peer"] == OURS], cores)
        rows.append(SeedRow(*key, first["requests_in_all"], first["dim"], first["floor_s"], seconds, limit))
    return rows


def text(rows: list[SeedRow]) -> str:
    """Markdown tables, one for each server and format, with what the asterisk means."""
    parts = []
    for server, form in dict.fromkeys((row.server, row.format) for row in rows):
        parts.append(f"\n{'Floats as JSON' if form == 'json' else 'base64'}, {server}:\n")
        parts.append(markdown([row for row in rows if (row.server, row.format) == (server, form)]))
    parts.append("\n" + note(rows))
    return "\n".join(parts)


def markdown(rows: list[SeedRow]) -> str:
    """The rows of one server and format as a table."""
    peers = [peer for peer in _NAMES if any(peer in row.seconds for row in rows)]
    others = [peer for peer in (BASELINE, OPENAI) if peer in peers]
    with_floor = any(row.floor_s for row in rows)
    head = ["inputs", "requests", "floats each", *(["server's floor (s)"] if with_floor else [])]
    head += [_NAMES[peer] for peer in peers] + [f"faster than {_SHORT[peer]}" for peer in others] + ["limit of ours"]
    lines = [head, [*["---:"] * (len(head) - 1), "---"]]
    for row in rows:
        cells = [spaced(row.inputs), spaced(row.requests), spaced(row.dim)]
        cells += [spaced(row.floor_s)] if with_floor else []
        cells += [str(row.seconds.get(peer, "-")) for peer in peers]
        cells += [*(_ratio(row.faster_than(peer)) for peer in others), row.limit]
        lines.append(cells)
    return markdown_table(lines)


def note(rows: list[SeedRow]) -> str:
    """What the asterisk and the floor mean, if there are any."""
    parts = [
        seconds.measured_requests for row in rows for seconds in row.seconds.values() if seconds.extrapolated
    ]
    notes = []
    if parts:
        notes.append(f"\\* extrapolated from {spaced(min(parts))} requests or more.")
    if any(row.floor_s for row in rows):
        notes.append("Server's floor: what its latency alone takes, with 128 in flight.")
    return " ".join(notes)


_SHORT = {BASELINE: "the reference client", OPENAI: "AsyncOpenAI"}


def _order(key: tuple[str, str, int]) -> tuple[bool, bool, int]:
    server, form, inputs = key
    return server == "4 replicas", form == "base64", inputs


def _seconds(runs: list[dict[str, Any]]) -> Seconds:
    whole = [_wall_s(run) * run["requests_in_all"] / run["requests"] for run in runs]
    least = min(run["requests"] for run in runs)
    return Seconds(median(whole), min(whole), max(whole), least < runs[0]["requests_in_all"], least)


def _wall_s(run: dict[str, Any]) -> float:
    return _median(run, "wall_s")


def _median(run: dict[str, Any], field: str) -> float:
    return median(float(repetition[field]) for repetition in run["repetitions"])


def _limit(runs: list[dict[str, Any]], cores: int) -> str:
    """The latency, when the time is near the floor; the cores, when client and server keep them busy; else neither."""
    if not runs:
        return "-"
    wall_s, floor_s = median(_wall_s(run) for run in runs), runs[0]["floor_s"]
    if floor_s and wall_s < _NEAR * floor_s:
        return "latency"
    server_s = median(run["server_cpu_s"] for run in runs)
    client_s = median(_median(run, "cpu_s") for run in runs)
    if client_s + server_s < _BUSY * cores * wall_s or wall_s < _TOO_SHORT_S:
        return "-"
    return f"{cores} cores, {server_s / (client_s + server_s):.0%} the server's"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{spaced(value)}x"

