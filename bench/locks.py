"""What more loop threads cost each request: instructions, and mutexes taken, of a tiny POST with 1, 2, 4 and 8 loops.

Counted under valgrind's callgrind, where threads take turns: so this shows what is done for other loops, and not how
long a processor waits for another one's cache line.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.callgrind import by_room, calls_of, profiles
from bench.server import chosen
from bench.table import markdown_table, spaced
from bench.workloads import Workload

_COUNTED = Path(__file__).resolve().parent / "counted.py"
_LOCKS = ("pthread_mutex_lock", "pthread_mutex_trylock")
_SIGNALS = ("pthread_cond_broadcast", "pthread_cond_signal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--server", choices=chosen.CHOICES, default="auto")
    arguments = parser.parse_args()
    workload = Workload("tiny", "post", "", arguments.requests, concurrency=arguments.concurrency)
    asked = json.dumps(asdict(workload))
    server = chosen.start(arguments.server, [workload.route])
    lines = [["loops", "instructions", "the engine's", "mutexes", "condition variables told"], ["---:"] * 5]
    try:
        for loops in arguments.loops:
            command = [sys.executable, str(_COUNTED), "baseten_perf", asked, server.base_url, "1"]
            variables = {"BASETEN_PERF_LOOPS": str(loops), "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
            (profile,) = profiles(command, variables)
            rooms, calls = by_room(profile), calls_of(profile)
            executed = [spaced(count / arguments.requests) for count in (rooms.total(), rooms["engine"])]
            told = [sum(calls[name] for name in names) / arguments.requests for names in (_LOCKS, _SIGNALS)]
            lines.append([str(loops), *executed, *(f"{count:.2f}" for count in told)])
    finally:
        server.stop()
    print(markdown_table(lines))


if __name__ == "__main__":
    main()
