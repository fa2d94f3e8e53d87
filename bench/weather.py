"""Foul weather: servers that refuse, restart, stall and fail, and what three clients get from them.

For each condition (conditions.py): how many requests were answered, the seconds beside the ideal, the refusals after
the first one was known, the answers that the server gave and the caller did not get; and whether the targets are met.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child
from bench.conditions import Condition, conditions
from bench.machine import facts
from bench.peers import PEERS, Entry
from bench.record import RESULTS, Record
from bench.rounds import rounds
from bench.server.weather import Weather
from bench.table import header
from bench.weather_rows import CLIENTS, rows, text

_CALLS = Path(__file__).resolve().parent / "weather_calls.py"
_GRACE_S = 20.0  # to import, and to end
_COUNTS = ("accepted", "refused", "refused_late", "failed", "probes", "peak")
_SERVER = "local servers under pressure, one process (uvloop)"


def main() -> int:
    """Returns the exit code: 1 when a measurement failed or an answer was wrong; missed targets are results."""
    arguments = _parser().parse_args()
    known = conditions(quick=arguments.quick)
    wanted = [known[name] for name in arguments.servers] or [
        each for each in known.values() if each.quick or not arguments.quick
    ]
    peers = [PEERS[name] for name in arguments.clients]
    child.raise_descriptor_limit()
    about = facts(peers, _SERVER, arguments)
    path = arguments.json or (RESULTS / "quick" if arguments.quick else RESULTS) / "weather.json"
    record = Record(path, about, resume=arguments.resume)
    print(header(about), flush=True)
    for run, condition, entry in rounds(arguments.runs, wanted, peers):
        _measure(run, condition, entry, record)
    record.save()
    print(text(rows(wanted, record.measurements)))
    return int(record.failed)


def _parser() -> argparse.ArgumentParser:
    names = list(conditions(quick=False))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some conditions, a quarter of the requests")
    parser.add_argument("--servers", nargs="+", choices=names, default=[], metavar="NAME",
                        help=f"of {', '.join(names)}")
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS), metavar="NAME",
                        help=f"of {', '.join(CLIENTS)}")
    parser.add_argument("--rounds", dest="runs", type=int, default=1, help="over everything (1)")
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="results (bench/results/weather.json)")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run whose results are there")
    return parser


def _measure(run: int, condition: Condition, entry: Entry, record: Record) -> None:
    """One fresh process for the servers and one for the client; each request is accounted for on both sides."""
    identity = {"run": run, "condition": condition.name, "peer": entry.name}
    if record.has(**identity):
        return
    weather = Weather(condition.servers)
    try:
        command = [sys.executable, str(_CALLS), entry.name, condition.as_json(), *weather.base_urls]
        told = child.measured(command, timeout_s=condition.limit_s + _GRACE_S)
    finally:
        counted = weather.end()
    if told.get("killed"):  # a call that does not end is a result
        told = {"wall_s": condition.limit_s + _GRACE_S, "tiny_s": None, "got": [], "failure": told["error"]}
    if "error" not in told:
        got = set(told.pop("got"))
        given = {request for server in counted for request in server["answered"]}
        told |= {"answered": len(got), "lost": len(given - got)}
        told |= {name: sum(server[name] for server in counted) for name in _COUNTS}
    record.add({**identity, **told})
    words = told.get("error") or f"{told['answered']} in {told['wall_s']:.2f} s {told['failure'][:60]}"
    print(f"run {run}  {condition.name:20} {entry.name:27} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
