"""The table of the reference client's README: embeddings in batches of 128, from 128 to 2 097 152 inputs.

Once against a server without latency, once against 4 replicas that take 50 to 100 ms for each request; floats as JSON
and as base64. The slow peers measure a part of the large sizes, and the time of the whole is extrapolated from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.machine import facts
from bench.peers import BASELINE, PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.seed_rows import seed_rows
from bench.seed_rows import text as table_text
from bench.server import chosen, delayed
from bench.server.running import RunningServer
from bench.table import header
from bench.workloads import Amount, Workload

_BATCH = 128
_CONCURRENCY = 128
_SIZES = (128, 512, 8_192, 131_072, 2_097_152)
_FEW_REQUESTS = 4  # so few are repeated, since the latency of one request is chance
_REPETITIONS = 9
_QUICK_SIZES = (128, 512, 8_192)
_DIM = 1_024
_LARGE_FROM = 1_000_000  # inputs: from here on 1024 floats each would take 8 GB for the result alone
_LARGE_DIM = 128
# Peers in Python: requests of the warm-up, and least requests of the part: two waves, so that the latency of the last
# one does not count too much.
_PYTHON_WARM_UP = 16
_PYTHON_LEAST = 2 * _CONCURRENCY
_QUICK_LEAST = 16
_SLOW_S = 10.0  # a measurement that takes longer is not repeated, if its peer is written in Python
_FORMATS = {"json": "embed", "base64": "embed_base64"}
_SERVERS = ("no latency", "4 replicas")


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement of the table, but for the peer and the round."""

    server: str
    format: str
    inputs: int

    @property
    def dim(self) -> int:
        """Floats of an input."""
        return _LARGE_DIM if self.inputs >= _LARGE_FROM else _DIM

    @property
    def route(self) -> str:
        """The canned answer to each batch."""
        return f"{_BATCH}x{self.dim}" + ("_base64" if self.format == "base64" else "")

    def workload(self) -> Workload:
        """What a peer is asked to do."""
        requests = self.inputs // _BATCH
        return Workload(
            f"{self.inputs} inputs", _FORMATS[self.format], "seed table", requests, self.route, _BATCH, self.dim,
            concurrency=_CONCURRENCY, repetitions=_REPETITIONS if requests <= _FEW_REQUESTS else 1,
        )

    def amount(self, entry: Entry, seconds: float, *, quick: bool) -> Amount:
        """Compiled peers do all of it; the others as much as fits in the time."""
        requests = self.inputs // _BATCH
        if entry.native:
            return Amount(requests, min(requests, _CONCURRENCY), requests, 0.0)
        least = _QUICK_LEAST if quick else _PYTHON_LEAST
        return Amount(requests, min(requests, _PYTHON_WARM_UP), min(requests, least), seconds)


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong."""
    arguments = _arguments()
    peers = [PEERS[name] for name in arguments.peers]
    cells = [
        Cell(server, form, inputs)
        for inputs in arguments.inputs for server in arguments.servers for form in arguments.formats
    ]
    child.raise_descriptor_limit()
    routes = [cell.route for cell in cells]
    starts: dict[str, Callable[[], RunningServer]] = {
        "no latency": lambda: chosen.start(arguments.server, routes), "4 replicas": lambda: delayed.start(routes)
    }
    servers = {name: starts[name]() for name in arguments.servers}
    try:
        title = "; ".join(f"{name}: {server.title}" for name, server in servers.items())
        about = facts(peers, title, arguments)
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        for run, cell, entry in rounds(arguments.runs, cells, peers):
            _measure(run, cell, entry, servers[cell.server], arguments, record)
    finally:
        for server in servers.values():
            server.stop()
    record.save()
    print(table_text(seed_rows(record.measurements, about["machine"]["cores"])))
    return int(record.failed)


def _arguments() -> argparse.Namespace:
    parser = options.parser(__doc__, "seed_table", peers=["baseten_perf", BASELINE, "openai"], runs=5)
    parser.add_argument("--inputs", nargs="+", type=int, help="numbers of inputs, multiples of 128")
    parser.add_argument("--servers", nargs="+", choices=_SERVERS, default=list(_SERVERS))
    parser.add_argument("--formats", nargs="+", choices=_FORMATS, default=list(_FORMATS))
    parser.add_argument("--seconds", type=float, help="for one measurement of a peer written in Python (20)")
    arguments = options.complete(parser.parse_args())
    arguments.inputs = arguments.inputs or (_QUICK_SIZES if arguments.quick else _SIZES)
    arguments.seconds = arguments.seconds or (1.0 if arguments.quick else 20.0)
    return arguments


def _measure(
    run: int, cell: Cell, entry: Entry, server: RunningServer, arguments: argparse.Namespace, record: Record
) -> None:
    where = {"server": cell.server, "format": cell.format, "inputs": cell.inputs, "peer": entry.name}
    if record.has(run=run, **where) or (run and _slow(entry, where, record)):
        return
    amount = cell.amount(entry, arguments.seconds, quick=arguments.quick)
    command = child.measure_command(cell.workload(), entry, amount, server.base_url, uvloop=False)
    requests_in_all = cell.inputs // _BATCH
    floor_s = delayed.REALISTIC.floor_s(requests_in_all, _CONCURRENCY) if cell.server == "4 replicas" else 0.0
    whole = {"requests_in_all": requests_in_all, "dim": cell.dim, "floor_s": floor_s}
    before = server.cpu_seconds() or 0.0
    measurement: dict[str, Any] = {"run": run, **where, **whole, **child.measured(command)}
    if "error" not in measurement:
        in_all = measurement["requests"] * len(measurement["repetitions"]) + measurement["warm_up"]
        share = measurement["requests"] / in_all  # of one repetition
        measurement["server_cpu_s"] = ((server.cpu_seconds() or 0.0) - before) * share
    record.add(measurement)
    outcome = measurement.get("error") or f"{measurement['repetitions'][0]['wall_s']:.3f} s"
    requests = measurement.get("requests", 0)
    print(f"run {run}  {cell.server:10} {cell.format:6} {cell.inputs:>9,} {entry.name:27} {requests:>6} requests "
          f"{outcome}", file=sys.stderr, flush=True)


def _slow(entry: Entry, where: dict[str, Any], record: Record) -> bool:
    """Whether the first round took so long that once is enough: the ratios of such peers are 10 and more."""
    if entry.native:
        return False
    first = [each for each in record.measurements if each["run"] == 0 and where.items() <= each.items()]
    return any("error" not in each and each["repetitions"][0]["wall_s"] > _SLOW_S for each in first)


if __name__ == "__main__":
    sys.exit(main())
