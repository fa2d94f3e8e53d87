"""Jobs as people run them overnight: what their programs need with each client, and what they lose.

backfill: a million texts from a generator into a memory map. bad_texts: some texts are refused with the batch that they
are in, and the server has a quota. Each program (job_programs/) is what a user of that client writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.job_programs import lines
from bench.job_rows import CLIENTS, Job, jobs, rows, text
from bench.machine import facts
from bench.peers import PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.server import chosen
from bench.server.picky import LATENCY_S, Picky
from bench.server.running import RunningServer
from bench.table import header
from bench.usage import anonymous_mb

_CALLS = Path(__file__).resolve().parent / "job_calls.py"
_SLOW_RUNS = 1  # of peers written in Python: their ratios are large


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong; rows that are lost are results."""
    parser = options.parser(__doc__, "jobs", peers=list(CLIENTS), runs=3)
    parser.add_argument("--jobs", nargs="+", choices=jobs(quick=False), default=list(jobs(quick=False)), metavar="NAME")
    arguments = options.complete(parser.parse_args())
    wanted = [job for name, job in jobs(quick=arguments.quick).items() if name in arguments.jobs]
    peers = [PEERS[name] for name in arguments.peers]
    child.raise_descriptor_limit()
    canned = chosen.start(arguments.server, [route for job in wanted for route in (job.route, job.json_route) if route])
    try:
        about = facts(peers, f"{canned.title}; bad_texts: Python (uvloop), {1e3 * LATENCY_S:.0f} ms", arguments)
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        for run, job, entry in rounds(arguments.runs, wanted, peers):
            if entry.native or run < _SLOW_RUNS:
                _measure(run, job, entry, canned, record)
    finally:
        canned.stop()
    record.save()
    print(text(rows(wanted, record.measurements)))
    return int(record.failed)


def _measure(run: int, job: Job, entry: Entry, canned: RunningServer, record: Record) -> None:
    """One fresh process for the program, and one for the server with a quota."""
    identity = {"run": run, "job": job.name, "peer": entry.name}
    if record.has(**identity):
        return
    measurement: dict[str, Any] = {**identity, "lines": lines(job.name, entry.name)}
    if job.route:
        measurement |= _watched(job, entry, f"{canned.base_url}/{job.route_of(entry.name)}")
    else:
        picky = Picky(job.per_s)
        try:
            measurement |= _watched(job, entry, picky.base_urls[0])
        finally:
            measurement["requests"] = picky.end()
    record.add(measurement)
    words = measurement.get("error") or f"{measurement['kept']:,} rows in {measurement['wall_s']:.2f} s"
    print(f"run {run}  {job.name:9} {entry.name:27} {words} {measurement.get('failure', '')[:60]}",
          file=sys.stderr, flush=True)


def _watched(job: Job, entry: Entry, base_url: str) -> dict[str, Any]:
    """The program's measurement, with the most memory that it has had for itself: the map is the system's."""
    command = [sys.executable, str(_CALLS), entry.name, json.dumps(job.for_child(entry.name)), base_url]
    return child.peaked(command, anonymous_mb)


if __name__ == "__main__":
    sys.exit(main())
