"""Runs each program of `programs/` in a process of its own: it must exit with 0, write nothing to stderr, and be quick.

What these programs do (fork, signals, exit, running out of references at awkward moments) would take the test run
down with them. Each can be run by hand: `python tests/isolated/programs/NAME.py`. A first comment `# python: OPTIONS`
gives options to the interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
LIMIT_S = 60.0


def interpreter_options(program: Path) -> list[str]:
    first = program.read_text().partition("\n")[0]
    return first.removeprefix("# python:").split() if first.startswith("# python:") else []


@pytest.mark.timeout(LIMIT_S + 30)
@pytest.mark.parametrize("poller", ["native", "portable"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_program(program: Path, poller: str) -> None:
    if poller == "portable" and not program.stem.startswith(("fork_", "exit_", "interrupt_", "drop_", "loop_")):
        pytest.skip("does not depend on how a loop sleeps")
    surroundings = {**os.environ, "BASETEN_PERF_POLLER": "poll" if poller == "portable" else ""}
    command = [sys.executable, *interpreter_options(program), str(program)]
    ended = subprocess.run(
        command, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert ended.returncode == 0, f"exit code {ended.returncode}; stdout:\n{ended.stdout}\nstderr:\n{ended.stderr}"
    assert ended.stderr == "", ended.stderr
    assert ended.stdout.endswith("done\n"), f"the program did not come to its end; stdout:\n{ended.stdout}"
