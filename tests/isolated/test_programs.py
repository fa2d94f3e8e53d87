"""Runs each program of `programs/` in a process of its own: it must exit with 0, write nothing to stderr, and be quick.

What these programs do (fork, signals, exit, running out of references at awkward moments) would take the test run
down with them. Each can be run by hand: `python tests/isolated/programs/NAME.py`. A first comment `# python: OPTIONS`
gives options to the interpreter. Programs called `idle_...` spend half a minute waiting, so they come first: the other
workers have enough to do meanwhile.
Those that read /proc, by themselves or by way of `shared/usage.py`, run on Linux only.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LINUX = re.compile(r"/proc/|from shared\.usage import")
PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
if sys.platform != "linux":
    PROGRAMS = [program for program in PROGRAMS if not LINUX.search(program.read_text())]
# Those that depend most on how a loop sleeps, is woken and is let go.
BOTH_POLLERS = (
    "descriptors_", "drop_clients", "drop_futures", "exit_", "fork_", "idle_", "interrupt_gate", "interrupt_partial",
    "interrupt_sync", "leak_closed", "loop_", "resolve_", "threads_clients",
)  # fmt: skip
LIMIT_S = 100.0


def start(program: Path, poller: str) -> subprocess.Popen[str]:
    first = program.read_text().partition("\n")[0]
    options = first.removeprefix("# python:").split() if first.startswith("# python:") else []
    return subprocess.Popen(
        [sys.executable, *options, str(program)],
        env={
            **os.environ,
            "BASETEN_PERF_POLLER": "poll" if poller == "portable" else "",
            "PYTHONFAULTHANDLER": "1",  # so that one that hangs or crashes tells where
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def expect_success(running: subprocess.Popen[str]) -> None:
    try:
        written, complained = running.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGABRT)
        try:
            written, complained = running.communicate(timeout=5.0)
        except subprocess.TimeoutExpired:
            running.kill()
            written, complained = running.communicate()
        pytest.fail(f"still running after {LIMIT_S} s; stdout:\n{written}\nstderr:\n{complained}")
    assert running.returncode == 0, f"exit code {running.returncode}; stdout:\n{written}\nstderr:\n{complained}"
    assert complained == ""
    assert written.endswith("done\n"), f"the program did not come to its end; stdout:\n{written}"


def cases() -> Iterator[tuple[Path, str]]:
    for program in sorted(PROGRAMS, key=lambda program: not program.stem.startswith("idle_")):
        yield program, "native"
        if program.stem.startswith(BOTH_POLLERS):
            yield program, "portable"


@pytest.mark.timeout(LIMIT_S + 30)
@pytest.mark.parametrize(
    ("program", "poller"), [pytest.param(*case, id=f"{case[0].stem}-{case[1]}") for case in cases()]
)
def test_program(program: Path, poller: str) -> None:
    expect_success(start(program, poller))
