"""Instructions per request and per float: the repeatable figure of what the client costs, kept in a table.

Each case is a process under callgrind that makes N requests several times, after a first time that is not counted; the
median counts. The table is instructions.json; --check compares with it and fails when something needs more than before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.callgrind import instructions
from bench.machine import versions
from bench.peers import BASELINE, PEERS, Entry
from bench.server import chosen, delayed
from bench.workloads import Workload

_COUNTED = Path(__file__).resolve().parent / "counted.py"
TABLE = Path(__file__).resolve().parent / "instructions.json"
_OURS = "baseten_perf"
# One loop thread: the order of events varies least, and a caller does not look for a prompt answer before it sleeps,
# which it would do as often as the clock allows. None of NumPy, whose idle threads spin for a while.
_VARIABLES = {"BASETEN_PERF_LOOPS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
# A single call sleeps until its answer comes, or finds it there already, as chance has it: 4 % of the instructions. So
# its answer always comes late.
_LATE = delayed.Latency(0.010, 0.010)


@dataclass(frozen=True, slots=True)
class Case:
    """A workload of N requests, and what its instructions are counted for: "request" or "float".

    tolerance: the share more than the table says that --check allows. late: answers come 10 ms after their requests.
    """

    workload: Workload
    per: str
    tolerance: float = 0.02
    late: bool = False

    @property
    def count(self) -> int:
        """Requests or floats in the N requests."""
        each = self.workload.batch * self.workload.dim if self.per == "float" else 1
        return self.workload.requests * each


CASES = {
    "tiny POST": Case(Workload("tiny", "post", "", 2_000, concurrency=64), "request"),
    "one sync call": Case(Workload("tiny", "post_one_by_one", "", 500, concurrency=1), "request", 0.05, True),
    "one async call": Case(Workload("tiny", "post_each", "", 500, concurrency=1), "request", 0.05, True),
    "float in JSON": Case(Workload("json", "embed", "", 100, "16x1024", 16, 1_024, concurrency=4), "float"),
    "float in base64": Case(
        Workload("base64", "embed_base64", "", 100, "16x1024_base64", 16, 1_024, concurrency=4), "float"
    ),
    "float in a list": Case(Workload("lists", "embed_lists", "", 100, "16x1024", 16, 1_024, concurrency=4), "float"),
    "rerank, 32 texts": Case(Workload("rerank", "rerank", "", 500, "ranking", 32), "request"),
    "classify, 32 texts": Case(Workload("classify", "classify", "", 500, "classify", 32), "request"),
}


def main() -> int:
    """Returns the exit code: 1 when --check finds that something needs more instructions than the table says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[_OURS, BASELINE], metavar="NAME")
    parser.add_argument("--check", action="store_true", help="compare ours with the table, write nothing")
    parser.add_argument("--tolerance", type=float, help="share that --check allows (0.02; 0.05 for single calls)")
    parser.add_argument("--runs", type=int, default=5, help="times that each case is counted, for the median (5)")
    parser.add_argument("--server", choices=chosen.CHOICES, default="auto")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print("valgrind is not on the PATH")
        return 1
    peers = [PEERS[name] for name in ([_OURS] if arguments.check else arguments.peers)]
    server = chosen.start(arguments.server, [CASES[name].workload.route for name in arguments.cases])
    late = delayed.start(["tiny"], _LATE)
    try:
        urls = {False: server.base_url, True: late.base_url}
        rows = [
            _row(name, entry, urls[CASES[name].late], arguments.runs) for name in arguments.cases for entry in peers
        ]
    finally:
        late.stop()
        server.stop()
    if arguments.check:
        return _check(rows, arguments.tolerance)
    kept = json.loads(TABLE.read_text())["rows"] if TABLE.exists() else []
    fresh = {(row["case"], row["peer"]) for row in rows}
    rows += [row for row in kept if (row["case"], row["peer"]) not in fresh and row["case"] in CASES]
    rows.sort(key=lambda row: (list(CASES).index(row["case"]), row["peer"] != _OURS))
    _write(rows, peers, server.title)
    print(markdown(rows))
    return 0


def _row(name: str, entry: Entry, base_url: str, runs: int) -> dict[str, Any]:
    """The instructions of one case: the median run's in all and by room where they are one in a hundred or more."""
    case = CASES[name]
    command = [sys.executable, str(_COUNTED), entry.name, case.workload.as_json(), base_url, str(runs)]
    each = sorted(instructions(command, _VARIABLES), key=lambda counts: counts.total())
    middle = each[len(each) // 2]
    total, least, most = (counts.total() / case.count for counts in (middle, each[0], each[-1]))
    rooms = {
        room: _rounded(count / case.count) for room, count in middle.most_common() if count > middle.total() / 100
    }
    print(f"{name:16} {entry.name:27} {total:>12,.1f} a {case.per} ({least:,.1f} to {most:,.1f})", file=sys.stderr,
          flush=True)
    return {"case": name, "peer": entry.name, "per": case.per, "instructions": _rounded(total), "runs": runs,
            "range": [_rounded(least), _rounded(most)], "rooms": rooms}


def _rounded(count: float) -> float:
    return round(count) if count >= 1_000 else round(count, 2)


def _check(rows: list[dict[str, Any]], tolerance: float | None) -> int:
    """Prints each case beside the table; 1 when one needs more than the table and the tolerance allow."""
    kept = {(row["case"], row["peer"]): row["instructions"] for row in json.loads(TABLE.read_text())["rows"]}
    worse = 0
    for row in rows:
        before = kept.get((row["case"], row["peer"]))
        if before is None:
            print(f"{row['case']:16} {row['instructions']:>12,}  not in the table")
            continue
        change = row["instructions"] / before - 1
        allowed = CASES[row["case"]].tolerance if tolerance is None else tolerance
        verdict = "MORE" if change > allowed else "less: keep it" if change < -allowed else "ok"
        worse += change > allowed
        print(f"{row['case']:16} {row['instructions']:>12,}  kept {before:>12,}  {change:+.1%}  {verdict}")
    return int(worse > 0)


def _write(rows: list[dict[str, Any]], peers: list[Entry], server: str) -> None:
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    facts = json.dumps({"versions": {**versions(peers), "valgrind": valgrind}, "server": server})
    lines = ",\n".join(json.dumps(row) for row in rows)
    TABLE.write_text(f'{{"facts": {facts},\n"rows": [\n{lines}\n]}}\n')


def markdown(rows: list[dict[str, Any]]) -> str:
    """One line a case: ours, the reference client's, the ratio, and where ours are executed."""
    lines = ["| instructions per | baseten_perf | the reference client | less | of which |", "|---|---:|---:|---:|---|"]
    counts = {(row["case"], row["peer"]): row for row in rows}
    for name in CASES:
        ours, original = counts.get((name, _OURS)), counts.get((name, BASELINE))
        if ours is None:
            continue
        mine = ours["instructions"]
        rooms = ", ".join(f"{room} {_spaced(count)}" for room, count in list(ours["rooms"].items())[:4])
        theirs = _spaced(original["instructions"]) if original else "-"
        ratio = f"{original['instructions'] / mine:.1f}x" if original else "-"
        lines.append(f"| {name} | {_spaced(mine)} | {theirs} | {ratio} | {rooms} |")
    return "\n".join(lines)


def _spaced(count: float) -> str:
    return f"{count:,.0f}".replace(",", " ") if count >= 100 else f"{count:.1f}"


if __name__ == "__main__":
    sys.exit(main())
