"""Resident memory over time: one large embed, a million tiny requests, idle connections. Linux only (/proc)."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.machine import facts
from bench.peers import BASELINE, PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.server import chosen, delayed
from bench.server.running import RunningServer
from bench.table import header
from bench.usage import rss_mb

_MOST_SAMPLES = 400  # in the file
_FOOTPRINT = Path(__file__).resolve().parent / "footprint.py"
_SLOW_ANSWERS = delayed.Latency(1.0, 1.0)  # so slow that each request needs a connection of its own


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a child does (footprint.py): how much of it, with --quick, on which route, in which batches."""

    amount: int
    quick_amount: int
    route: str
    batch: int
    concurrency: int


SCENARIOS = {
    "embed": Scenario(131_072, 16_384, "128x1024", 128, 32),
    "posts": Scenario(1_000_000, 40_000, "tiny", 1, 128),
    "connections": Scenario(1_000, 200, "tiny", 1, 1_000),
}


def main() -> int:
    """Returns the exit code: 1 when a measurement failed."""
    arguments = options.complete(
        options.parser(__doc__, "memory", peers=["baseten_perf", BASELINE], runs=3).parse_args()
    )
    peers = [PEERS[name] for name in arguments.peers]
    child.raise_descriptor_limit()
    fast = chosen.start(arguments.server, [scenario.route for scenario in SCENARIOS.values()])
    slow = delayed.start(["tiny"], _SLOW_ANSWERS)
    try:
        about = facts(peers, f"{fast.title}; for connections: {slow.title}", arguments)
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        for run, name, entry in rounds(arguments.runs, SCENARIOS, peers):
            _measure(run, name, entry, slow if name == "connections" else fast, arguments, record)
    finally:
        fast.stop()
        slow.stop()
    record.save()
    print(text(record.measurements))
    return int(record.failed)


def _measure(
    run: int, name: str, entry: Entry, server: RunningServer, arguments: argparse.Namespace, record: Record
) -> None:
    identity = {"run": run, "scenario": name, "peer": entry.name}
    if record.has(**identity):
        return
    scenario = SCENARIOS[name]
    amount = scenario.quick_amount if arguments.quick else scenario.amount
    numbers = [str(each) for each in (amount, scenario.batch, scenario.concurrency)]
    command = [sys.executable, str(_FOOTPRINT), entry.name, f"{server.base_url}/{scenario.route}", name, *numbers]
    measurement = {**identity, "amount": amount, **_watched(command)}
    record.add(measurement)
    print(f"run {run}  {name:12} {entry.name:27} {measurement.get('error', 'done')}", file=sys.stderr, flush=True)


def _watched(command: list[str]) -> dict[str, Any]:
    """The child's measurement, with its memory over time."""
    result, samples = child.sampled(command, rss_mb)
    if "error" in result:
        return result
    start, end = result.pop("start"), result.pop("end")
    series = [(moment - start, mb) for moment, mb in samples if moment >= start - 0.1 and mb]
    return {
        **result,
        "seconds": end - start,
        "peak_mb": max(mb for _, mb in series),
        "series": [[round(moment, 3), round(mb, 1)] for moment, mb in _thinned(series)],
    }


def _thinned(series: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most so many samples, the highest of each group kept."""
    size = -(-len(series) // _MOST_SAMPLES)
    return [max(series[start : start + size], key=lambda each: each[1]) for start in range(0, len(series), size)]


def text(measurements: list[dict[str, Any]]) -> str:
    """Medians over the rounds, in MB."""
    lines = []
    for name in SCENARIOS:
        for peer in PEERS:
            runs = [
                each for each in measurements
                if each["scenario"] == name and each["peer"] == peer and "error" not in each
            ]
            if runs:
                lines.append(f"{name:12} {peer:27} {_words(name, runs)}")
    return "\n".join(lines)


def _words(name: str, runs: list[dict[str, Any]]) -> str:
    peak = median(run["peak_mb"] for run in runs)
    if name == "embed":
        array = runs[0]["array_mb"]
        return f"peak {peak:,.0f} MB, {peak / array:.2f} x the array of {array:,.0f} MB"
    if name == "posts":
        return f"peak {peak:,.0f} MB, grows by {median(growth_mb(run) for run in runs):+.2f} MB after the first tenth"
    kb = [run["kb_each"] for run in runs if run["kb_each"] is not None]
    return f"{median(kb):.1f} KB for each of {runs[0]['connections']} idle connections" if kb else "not kept open"


def growth_mb(run: dict[str, Any]) -> float:
    """How much a million requests add, when the first tenth of them has warmed everything up."""
    after = run["after_mb"]
    return float(after[-1] - after[len(after) // 10])


if __name__ == "__main__":
    sys.exit(main())
