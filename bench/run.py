"""The runner: every peer in every workload, each in a fresh process, round-robin; prints tables, writes JSON."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.machine import facts
from bench.peers import PEERS, Entry
from bench.record import Record
from bench.rounds import rounds
from bench.server import chosen
from bench.server.running import RunningServer
from bench.summary import summarise
from bench.table import LEGEND, header, text
from bench.workloads import WORKLOADS, Workload


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong."""
    arguments = _arguments()
    peers = [PEERS[name] for name in arguments.peers]
    workloads = [WORKLOADS[name] for name in arguments.workloads]
    child.raise_descriptor_limit()
    tls = any(workload.https for workload in workloads)
    routes = (route for workload in workloads for route in workload.routes)
    server = chosen.start(arguments.server, routes, tls=tls)
    try:
        absent = child.absent(peers, server.base_url)
        for peer, reason in absent.items():
            print(f"skipped: {peer} gives no first answer here ({reason})", flush=True)
        present = [entry for entry in peers if entry.name not in absent]
        impossible = {workload.name: reason for workload in workloads if (reason := _impossible(workload, server))}
        for name, reason in impossible.items():
            print(f"skipped: {name}: {reason}", flush=True)
        workloads = [workload for workload in workloads if workload.name not in impossible]
        about = {**facts(present, server.title, arguments), "uvloop": arguments.uvloop, "skipped": absent}
        record = Record(arguments.json, about, resume=arguments.resume)
        print(header(about), flush=True)
        _measure_all(arguments, workloads, present, server, record)
    finally:
        server.stop()
    order = list(PEERS)
    raw = sorted(record.measurements, key=lambda each: (each["run"], order.index(each["peer"])))
    rows = {workload.name: summarise(workload, raw) for workload in workloads}
    for workload in workloads:
        first = summarise(workload, raw, first=True)
        print(text(workload, rows[workload.name], first, _notes(workload, peers, absent, raw)))
    print("\n" + LEGEND)
    record.save(summary=[row.as_dict() for each in rows.values() for row in each])
    return int(record.failed)


def _arguments() -> argparse.Namespace:
    parser = options.parser(__doc__, "run", peers=list(PEERS), runs=5)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="NAME",
                        help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--uvloop", action="store_true", help="run every asyncio loop on uvloop")
    return options.complete(parser.parse_args())


def _measure_all(
    arguments: argparse.Namespace, workloads: list[Workload], peers: list[Entry], server: RunningServer, record: Record
) -> None:
    for run, workload, entry in rounds(arguments.runs, workloads, peers):
        identity = {"run": run, "workload": workload.name, "peer": entry.name}
        left_out = entry.absence(workload.kind, workload.name) or run >= _most_runs(workload, entry)
        if left_out or record.has(**identity):
            continue
        amount = workload.amount(entry, quick=arguments.quick)
        url = server.https_urls[workload.https] if workload.https else server.base_url
        command = child.measure_command(workload, entry, amount, url, uvloop=arguments.uvloop)
        measurement = {**identity, **_measured(command, workload, server)}
        record.add(measurement)
        _progress(measurement)


def _impossible(workload: Workload, server: RunningServer) -> str:
    """Why nobody can carry the workload out here; "" when some can."""
    if workload.column and not find_spec(workload.column):
        return f"{workload.column} is not installed"
    if workload.https and workload.https not in server.https_urls:
        return "the server speaks no TLS"
    return ""


def _most_runs(workload: Workload, entry: Entry) -> int:
    return min(entry.max_runs, workload.max_runs if entry.native else workload.max_python_runs)


def _measured(command: list[str], workload: Workload, server: RunningServer) -> dict[str, Any]:
    """One measurement with the server's share of CPU."""
    before = server.cpu_seconds()
    result = child.measured(command, {"SSL_CERT_FILE": server.ca_file} if workload.https else None)
    after = server.cpu_seconds()
    if "error" in result:
        return result
    served = result["requests"] * len(result["repetitions"]) + result["warm_up"]
    result["server_us_per_request"] = None
    if before is not None and after is not None and workload.kind not in ("import", "create"):
        result["server_us_per_request"] = (after - before) / served * 1e6
    return result


def _notes(
    workload: Workload, peers: list[Entry], absent: dict[str, str], raw: list[dict[str, Any]]
) -> dict[str, str]:
    reasons = {entry.name: entry.absence(workload.kind, workload.name) for entry in peers}
    notes = {name: reason for name, reason in reasons.items() if reason}
    notes.update(dict.fromkeys(absent, "skipped: gives no first answer here"))
    for run in raw:
        if run["workload"] == workload.name and "error" in run:
            notes[run["peer"]] = f"FAILED in run {run['run']}: {run['error']}"
        elif run["workload"] == workload.name and run["exit_code"]:
            notes[run["peer"]] = f"CRASHED at exit, after its answers, in run {run['run']}: code {run['exit_code']}"
    return notes


def _progress(run: dict[str, Any]) -> None:
    walls = [f"{repetition['wall_s']:.2f} s" for repetition in run.get("repetitions", ())]
    outcome = ", ".join(walls) or f"FAILED: {run['error']}"
    print(f"run {run['run']}  {run['workload']:17} {run['peer']:27} {outcome}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
