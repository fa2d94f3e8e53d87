"""Everything: all measurements one after the other, the pictures, the tables of both READMEs. Can be resumed."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

_BENCH = Path(__file__).resolve().parent
# In the order of what one would miss most; minutes on two idle cores.
_MEASUREMENTS = {
    "run": 60, "seed_table": 25, "latency": 8, "memory": 3, "curves": 10, "weather": 12, "jobs": 6,
    "instructions": 6,
}


def main() -> int:
    """Returns the exit code: 1 when a program failed; the others run all the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little of everything, into results/quick and plots/quick")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--only", nargs="+", choices=_MEASUREMENTS, default=list(_MEASUREMENTS), metavar="NAME",
                        help=f"of {', '.join(_MEASUREMENTS)}")
    arguments = parser.parse_args()
    flags = [f"--{flag}" for flag in ("quick", "resume") if getattr(arguments, flag)]
    commands = [[f"{name}.py", *flags] for name in arguments.only if name != "instructions"]
    if "instructions" in arguments.only and shutil.which("valgrind"):
        commands.append(["instructions.py", *(["--check"] if arguments.quick else [])])
    pictured = [name for name in arguments.only if name not in ("instructions", "jobs")]
    if pictured:
        commands.append(["plot.py", *(["--quick"] if arguments.quick else []), "--of", *pictured])
    if not arguments.quick:
        commands.append(["report.py", "--write"])
    failed = [command[0] for command in commands if not _ran(command)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


def _ran(command: list[str]) -> bool:
    minutes = _MEASUREMENTS.get(command[0].removesuffix(".py"))
    expected = f" (about {minutes} minutes on two idle cores)" if minutes and "--quick" not in command else ""
    print(f"\n=== {' '.join(command)}{expected}", flush=True)
    start = time.monotonic()
    code = subprocess.run([sys.executable, str(_BENCH / command[0]), *command[1:]], check=False).returncode
    print(f"=== {command[0]} ended with {code} after {time.monotonic() - start:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
