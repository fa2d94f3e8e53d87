"""Instructions and calls of a program, counted by valgrind's callgrind; by the room of the code that executed them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.child import TIMEOUT_S, environment, last_line

# The first that occurs in the path of an object file names its room.
_ROOMS = (
    ("/engine/", "engine"), ("/ranking/", "ranking"), ("/operations/", "operations"),
    ("/pycurl", "libcurl"), ("/libcurl", "libcurl"), ("/orjson/", "orjson"), ("/numpy", "numpy"),
    ("/baseten_performance_client/", "the reference client"), ("libpython", "Python"), ("/python3", "Python"),
    ("/libc.so", "C library"), ("/libc-2", "C library"), ("/libpthread", "C library"), ("/ld-linux", "C library"),
    ("/libstdc++", "C library"), ("/vgpreload", "C library"),
)
_OTHER = "other"
# os.getloadavg calls the C library's function of this name, and nobody else does: callgrind writes its counts down and
# begins anew where it is entered.
_MARK = "getloadavg"
_OBJECT = re.compile(r"^ob=\((\d+)\)(?: (.*))?$")
_FUNCTION = re.compile(r"^(c?)fn=\((\d+)\)(?: (.*))?$")
_NAMED = re.compile(r"^c?ob=\((\d+)\) (.*)$")


def instructions(command: Sequence[str], variables: Mapping[str, str]) -> list[Counter[str]]:
    """The instructions of each room, of every profile of the command."""
    return [by_room(profile) for profile in profiles(command, variables)]


def profiles(command: Sequence[str], variables: Mapping[str, str]) -> list[list[str]]:
    """Runs the command under callgrind; what it was doing between one call of mark() and the next, in its format.

    Threads take turns under valgrind, and the kernel's instructions are not counted. RuntimeError when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="bench-callgrind-") as directory:
        output = Path(directory) / "callgrind.out"
        valgrind = [
            "valgrind", "--tool=callgrind", "--trace-children=no", "--fair-sched=yes", f"--dump-before={_MARK}",
            f"--callgrind-out-file={output}",
        ]
        ended = subprocess.run(
            [*valgrind, *command], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            env=environment(variables),
        )
        # The first part ends at the first mark. What follows the last one is not numbered.
        parts = sorted(Path(directory).glob("callgrind.out.*"), key=lambda part: int(part.suffix[1:]))[1:]
        if ended.returncode or not parts:
            raise RuntimeError(f"callgrind: exit code {ended.returncode}: {last_line(ended.stderr)}")
        return [part.read_text().splitlines() for part in parts]


def mark() -> None:
    """In the command: what was executed since the last mark is one of the counts."""
    os.getloadavg()


def by_room(lines: Sequence[str]) -> Counter[str]:
    """Sums the own cost of every line of a profile in callgrind's format.

    A name is written out where its number occurs first, which may be in the line of a call. The line after `calls=`
    has the cost of what was called: it is counted there already.
    """
    names: dict[str, str] = {}
    room = _OTHER
    counts: Counter[str] = Counter()
    skip = False
    for line in lines:
        named = _NAMED.match(line)
        if named:
            names[named[1]] = named[2]
        if line[:1].isdigit() or line[:1] in "+-*":
            if not skip:
                counts[room] += sum(int(cost) for cost in line.split()[1:2])  # a cost of 0 may be left out
            skip = False
        elif line.startswith("calls="):
            skip = True
        elif line.startswith("ob="):
            number = _OBJECT.match(line)
            assert number is not None
            room = _room(names[number[1]])
    return counts


def calls_of(lines: Sequence[str]) -> Counter[str]:
    """How often each function was called; a name stands for all its versions."""
    names: dict[str, str] = {}
    called = ""
    counts: Counter[str] = Counter()
    for line in lines:
        named = _FUNCTION.match(line)
        if named:
            number, name = named[2], named[3]
            if name:
                names[number] = name.partition("@")[0]
            if named[1] == "c":
                called = names[number]
        elif line.startswith("calls="):
            counts[called] += int(line.removeprefix("calls=").split()[0])
    return counts


def _room(path: str) -> str:
    return next((room for part, room in _ROOMS if part in path), _OTHER)
