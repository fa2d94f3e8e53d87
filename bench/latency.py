"""Latency of single calls: percentiles, one at a time and 128 at a time; the first call; import and first answer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.calls import QUANTILES
from bench.machine import facts
from bench.peers import PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.server import chosen
from bench.server.running import RunningServer
from bench.table import header
from bench.workloads import COLD_KINDS

# Way of calling, calls at a time, calls measured.
WAYS = {"sync, 1": ("sync", 1, 20_000), "async, 1": ("async", 1, 20_000), "async, 128": ("async", 128, 40_000)}
_METHODS = {"sync": "post_one_by_one", "async": "post_one"}  # of a peer
SHOWN = (0.5, 0.9, 0.99, 0.999)
_SECONDS = 5.0
_QUICK_SECONDS = 0.3
_CALLS = Path(__file__).resolve().parent / "calls.py"


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong."""
    arguments = options.complete(options.parser(__doc__, "latency", peers=list(PEERS), runs=5).parse_args())
    peers = [PEERS[name] for name in arguments.peers]
    child.raise_descriptor_limit()
    server = chosen.start(arguments.server, ["tiny"])
    try:
        about = {**facts(peers, server.title, arguments), "quantiles": list(QUANTILES)}
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        for run, way, entry in rounds(arguments.runs, (*WAYS, *COLD_KINDS), peers):
            _measure(run, way, entry, server, arguments, record)
    finally:
        server.stop()
    record.save()
    print(text(record.measurements))
    return int(record.failed)


def _measure(
    run: int, way: str, entry: Entry, server: RunningServer, arguments: argparse.Namespace, record: Record
) -> None:
    identity = {"run": run, "way": way, "peer": entry.name}
    if record.has(**identity) or _METHODS.get(way.partition(",")[0], way) in entry.lacks:
        return
    measurement = {**identity, **child.measured(_command(way, entry, server.base_url, quick=arguments.quick))}
    record.add(measurement)
    print(f"run {run}  {way:12} {entry.name:27} {measurement.get('error', 'done')}", file=sys.stderr, flush=True)


def _command(way: str, entry: Entry, base_url: str, *, quick: bool) -> list[str]:
    if way in COLD_KINDS:
        return child.cold_command(way, entry, base_url)
    kind, concurrency, calls = WAYS[way]
    numbers = [str(concurrency), str(calls), str(_QUICK_SECONDS if quick else _SECONDS)]
    return [sys.executable, str(_CALLS), entry.name, f"{base_url}/tiny", kind, *numbers]


def text(measurements: list[dict[str, Any]]) -> str:
    """Tables of percentiles in microseconds, and of cold starts in milliseconds: medians over the rounds."""
    good = [each for each in measurements if "error" not in each]
    shown = "".join(f"{'p' + format(100 * quantile, 'g'):>10}" for quantile in SHOWN)
    lines = []
    for way in WAYS:
        lines.append(f"\n{way} at a time, microseconds\n  {'peer':27}{shown}   first call")
        for peer, runs in by_peer(good, way).items():
            cells = "".join(f"{percentile(runs, quantile):>10,.0f}" for quantile in SHOWN)
            first = median(run["first_call_s"] for run in runs) * 1e6
            lines.append(f"  {peer:27}{cells}{first:>13,.0f}")
    lines.append(f"\ncold start, milliseconds\n  {'peer':27}    import  import + first answer")
    for peer in by_peer(good, COLD_KINDS[0]):
        cold = [median(wall_ms(run) for run in by_peer(good, kind)[peer]) for kind in COLD_KINDS]
        lines.append(f"  {peer:27}{cold[0]:>10,.1f}{cold[1]:>23,.1f}")
    return "\n".join(lines)


def by_peer(measurements: list[dict[str, Any]], way: str) -> dict[str, list[dict[str, Any]]]:
    """Good measurements of one way of calling."""
    grouped: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
    for each in measurements:
        if each["way"] == way:
            grouped[each["peer"]].append(each)
    return {peer: runs for peer, runs in grouped.items() if runs}


def percentile(runs: list[dict[str, Any]], quantile: float) -> float:
    """Microseconds: the median over the runs."""
    place = QUANTILES.index(quantile)
    return median(float(run["quantiles_us"][place]) for run in runs)


def wall_ms(run: dict[str, Any]) -> float:
    """Milliseconds of a cold start."""
    return float(run["repetitions"][0]["wall_s"]) * 1e3


if __name__ == "__main__":
    sys.exit(main())
