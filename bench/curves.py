"""Scaling curves: how ours and the reference client change with connections, dimension, batch, inputs and loops."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.curve_points import text
from bench.machine import facts
from bench.peers import BASELINE, PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.server import chosen
from bench.server.running import RunningServer
from bench.table import header
from bench.workloads import Amount, Workload

_OURS = "baseten_perf"
_LOOPS = "BASETEN_PERF_LOOPS"  # the environment variable with the number of ours' loop threads
_FLOATS = 33_554_432  # of the answers, over the curve of the dimension
_TEXTS = 65_536  # over the curve of the batch
_QUICK_SHARE = 16


@dataclass(frozen=True, slots=True)
class Point:
    """One place on a curve: what is asked there. loops: 0 leaves their number to the client."""

    curve: str
    x: int
    workload: Workload
    loops: int = 0

    def amount(self, *, quick: bool) -> Amount:
        """All requests, after a warm-up that opens the connections."""
        workload = self.workload
        requests = max(workload.requests // _QUICK_SHARE, 1) if quick else workload.requests
        return Amount(requests, min(requests, 2 * workload.concurrency), requests, 0.0)


def _points(cores: int) -> Iterator[Point]:
    for connections in (1, 4, 16, 64, 256, 1_024):
        requests = 4_000 if connections == 1 else 40_000
        yield Point("connections", connections, Workload("tiny", "post", "", requests, concurrency=connections))
    for dim in (128, 256, 512, 1_024, 2_048, 4_096):
        workload = Workload("json", "embed", "", _FLOATS // (16 * dim), f"16x{dim}", 16, dim, concurrency=32)
        yield Point("dimension", dim, workload)
    for batch in (1, 4, 16, 64, 256, 1_024):
        workload = Workload("json", "embed", "", _TEXTS // batch, f"{batch}x384", batch, 384, concurrency=32)
        yield Point("batch", batch, workload)
    for inputs in (1_024, 16_384, 131_072, 1_048_576, 4_194_304):
        workload = Workload("json", "embed", "", inputs // 128, "128x8", 128, 8, concurrency=64)
        yield Point("inputs", inputs, workload)
    for loops in dict.fromkeys((1, 2, 3, 4, 8, 16, cores)):
        if loops <= max(cores, 2):
            yield Point("loops, tiny", loops, Workload("tiny", "post", "", 40_000), loops)
            workload = Workload("json", "embed", "", 2_000, "16x1024", 16, 1_024, concurrency=64)
            yield Point("loops, JSON", loops, workload, loops)


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong."""
    parser = options.parser(__doc__, "curves", peers=[_OURS, BASELINE], runs=5)
    parser.add_argument("--curves", nargs="+", metavar="NAME", help="of connections, dimension, batch, inputs, loops")
    arguments = options.complete(parser.parse_args())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    points = [
        point for point in _points(cores) if not arguments.curves or point.curve.split(",")[0] in arguments.curves
    ]
    peers = [PEERS[name] for name in arguments.peers]
    child.raise_descriptor_limit()
    server = chosen.start(arguments.server, [point.workload.route for point in points])
    try:
        about = facts(peers, server.title, arguments)
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        for run, point, entry in rounds(arguments.runs, points, peers):
            _measure(run, point, entry, server, arguments, record)
    finally:
        server.stop()
    record.save()
    print(text(record.measurements))
    return int(record.failed)


def _measure(
    run: int, point: Point, entry: Entry, server: RunningServer, arguments: argparse.Namespace, record: Record
) -> None:
    """The reference client has no setting for its threads: it is measured at the first number of loops only."""
    identity = {"run": run, "curve": point.curve, "x": point.x, "peer": entry.name}
    if record.has(**identity) or (point.loops > 1 and entry.name != _OURS):
        return
    amount = point.amount(quick=arguments.quick)
    command = child.measure_command(point.workload, entry, amount, server.base_url, uvloop=False)
    variables = {_LOOPS: str(point.loops)} if point.loops else {}
    shape = {"batch": point.workload.batch, "dim": point.workload.dim}
    measurement = {**identity, **shape, **child.measured(command, variables)}
    record.add(measurement)
    outcome = measurement.get("error") or f"{measurement['repetitions'][0]['wall_s']:.3f} s"
    print(f"run {run}  {point.curve:12} {point.x:>9,} {entry.name:27} {outcome}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
