"""The command-line options that all programs here share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.peers import PEERS
from bench.record import RESULTS
from bench.server import chosen


def base(description: str | None, name: str, *, runs: int) -> argparse.ArgumentParser:
    """A parser with --quick, --runs, --json and --resume; complete() finishes its result."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--quick", action="store_true", help="little of everything: a smoke test, not a measurement")
    made.add_argument("--runs", type=int, help=f"rounds over everything ({runs}; 1 with --quick)")
    made.add_argument("--json", type=Path, metavar="OUT.json", help=f"results ({_file(name, quick=False)})")
    made.add_argument("--resume", action="store_true", help="go on with the interrupted run whose results are there")
    made.set_defaults(name=name, full_runs=runs)
    return made


def parser(description: str | None, name: str, *, peers: Sequence[str], runs: int) -> argparse.ArgumentParser:
    """The same with --peers and --server."""
    made = base(description, name, runs=runs)
    made.add_argument("--server", choices=chosen.CHOICES, default="auto")
    made.add_argument("--peers", nargs="+", choices=PEERS, default=list(peers), metavar="NAME",
                      help=f"of {', '.join(PEERS)}")
    return made


def complete(arguments: argparse.Namespace) -> argparse.Namespace:
    """Fills in what depends on --quick."""
    if arguments.runs is None:
        arguments.runs = 1 if arguments.quick else arguments.full_runs
    if arguments.json is None:
        arguments.json = _file(arguments.name, quick=arguments.quick)
    return arguments


def _file(name: str, *, quick: bool) -> Path:
    return (RESULTS / "quick" if quick else RESULTS) / f"{name}.json"
