"""The runner: every peer in every workload, each in a fresh process, round-robin; prints tables, writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.machine import machine, versions
from bench.peers import PEERS, Entry
from bench.server import nginx, pure_python
from bench.server.running import RunningServer
from bench.summary import summarise
from bench.table import LEGEND, header, text
from bench.workloads import WORKLOADS, Amount, Workload

_CHILD_TIMEOUT_S = 300.0
_BENCH = Path(__file__).resolve().parent
_COLD_KINDS = ("import", "first_answer")
_DESCRIPTORS = 16_384


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong."""
    arguments = _arguments()
    peers = [PEERS[name] for name in arguments.peers]
    workloads = [WORKLOADS[name] for name in arguments.workloads]
    _raise_descriptor_limit()
    server = nginx.start() if _wants_nginx(arguments.server) else pure_python.start()
    try:
        absent = _absent(peers, server)
        for peer, reason in absent.items():
            print(f"skipped: {peer} gives no first answer here ({reason})", flush=True)
        present = [entry for entry in peers if entry.name not in absent]
        facts = {
            "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": machine(),
            "versions": versions(present),
            "server": server.title,
            "runs": arguments.runs,
            "quick": arguments.quick,
            "uvloop": arguments.uvloop,
            "skipped": absent,
        }
        print(header(facts), flush=True)
        raw = _measure_all(arguments, workloads, present, server)
    finally:
        server.stop()
    rows = {workload.name: summarise(workload, raw) for workload in workloads}
    for workload in workloads:
        print(text(workload, rows[workload.name], _notes(workload, peers, absent, raw)))
    print("\n" + LEGEND)
    if arguments.json:
        summary = [row.as_dict() for each in rows.values() for row in each]
        arguments.json.write_text(json.dumps({**facts, "summary": summary, "raw": raw}, indent=1) + "\n")
    return int(any("error" in run for run in raw))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="NAME",
                        help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME",
                        help=f"of {', '.join(PEERS)}")
    parser.add_argument("--runs", type=int, help="rounds over everything (5; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="few requests: a smoke test, not a measurement")
    parser.add_argument("--server", choices=("auto", "nginx", "python"), default="auto")
    parser.add_argument("--uvloop", action="store_true", help="run every asyncio loop on uvloop")
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write machine, versions, summary and raw runs")
    arguments = parser.parse_args()
    if arguments.runs is None:
        arguments.runs = 1 if arguments.quick else 5
    return arguments


def _wants_nginx(choice: str) -> bool:
    return choice == "nginx" or (choice == "auto" and nginx.available())


def _measure_all(
    arguments: argparse.Namespace, workloads: list[Workload], peers: list[Entry], server: RunningServer
) -> list[dict[str, Any]]:
    """Every run takes the peers in another order, so that none always follows the same neighbour."""
    raw = []
    for run in range(arguments.runs):
        for workload in workloads:
            for entry in _rotated(peers, run):
                if entry.absence(workload.kind, workload.name) or run >= _most_runs(workload, entry):
                    continue
                amount = workload.amount(entry, quick=arguments.quick)
                command = _command(workload, entry, amount, server.base_url, arguments.uvloop)
                measured = _child(command, workload, server)
                raw.append({"run": run, "workload": workload.name, "peer": entry.name, **measured})
                _progress(raw[-1])
    order = {entry.name: place for place, entry in enumerate(peers)}
    return sorted(raw, key=lambda each: (each["run"], order[each["peer"]]))


def _rotated(peers: list[Entry], turns: int) -> list[Entry]:
    start = turns % max(len(peers), 1)
    return peers[start:] + peers[:start]


def _most_runs(workload: Workload, entry: Entry) -> int:
    return min(entry.max_runs, workload.max_runs if entry.native else workload.max_python_runs)


def _command(workload: Workload, entry: Entry, amount: Amount, base_url: str, uvloop: bool) -> list[str]:
    if workload.kind in _COLD_KINDS:
        return _cold_command(workload.kind, entry, base_url)
    numbers = [str(each) for each in (amount.requests, amount.warm_up, amount.least, amount.seconds)]
    command = [sys.executable, str(_BENCH / "measure.py"), entry.name, workload.name, base_url, *numbers]
    return [*command, "--uvloop"] if uvloop else command


def _cold_command(kind: str, entry: Entry, base_url: str) -> list[str]:
    return [sys.executable, str(_BENCH / "cold.py"), kind, entry.name, f"{base_url}/tiny"]


def _child(command: list[str], workload: Workload, server: RunningServer) -> dict[str, Any]:
    """Runs one measurement; its result with the server's share, or {"error": the last line that it said}.

    A client that crashes when the interpreter ends has been measured all the same: "exit_code" then tells.
    """
    before = server.cpu_seconds()
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_CHILD_TIMEOUT_S, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no end within {_CHILD_TIMEOUT_S:.0f} s"}
    after = server.cpu_seconds()
    said = _last_line(ended.stdout)
    if not said.startswith('{"requests"'):
        return {"error": f"exit code {ended.returncode}: {_last_line(ended.stderr)}"}
    measured: dict[str, Any] = json.loads(said)
    measured["exit_code"] = ended.returncode
    served = measured["requests"] * len(measured["repetitions"]) + measured["warm_up"]
    measured["server_us_per_request"] = None
    if before is not None and after is not None and workload.kind not in ("import", "create"):
        measured["server_us_per_request"] = (after - before) / served * 1e6
    return measured


def _absent(peers: Iterable[Entry], server: RunningServer) -> dict[str, str]:
    """Peers that do not give one answer in a fresh interpreter, with the reason: not installed, not built ..."""
    absent = {}
    for entry in peers:
        command = _cold_command("first_answer", entry, server.base_url)
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_CHILD_TIMEOUT_S, env=_environment(), check=False
        )
        if ended.returncode:
            absent[entry.name] = _last_line(ended.stderr)
    return absent


def _environment() -> dict[str, str]:
    """Ours without proxies: everything here is on the loopback."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def _raise_descriptor_limit() -> None:
    """2000 connections at once need descriptors; children and server inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["(nothing said)"])[-1]


if __name__ == "__main__":
    sys.exit(main())
