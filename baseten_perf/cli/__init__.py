"""The command `baseten-perf`: its subcommands and what they have in common, exit codes and last words."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Protocol, cast

from .._version import __version__
from .failure import INTERRUPTED, Failure

COMMANDS = ("demo", "embed", "rerank", "classify", "post", "batch", "bench", "serve")
BROKEN_PIPE = 141
# Set by the shell that wants to complete a command line: eval "$(register-python-argcomplete baseten-perf)"
COMPLETING = "_ARGCOMPLETE"
OPTION = re.compile(r"--[A-Za-z-]+|-.")
# In one word of the command line, which argparse takes for a positional argument.
WITH_VALUE = re.compile(r"--[A-Za-z-]+\s")


class Command(Protocol):
    """What a module of this folder has that is named in COMMANDS; its docstring describes the command."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command line."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do what the command is for, and return the exit code. Failure when it cannot be done."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: this process's) and return its exit code.

    0: done; 1: it went wrong on the way; 2: it cannot be done as asked; 130: Ctrl-C.
    """
    command, arguments = parsed(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = command.run(arguments)
        sys.stdout.flush()
    except Failure as failure:
        error = "" if failure.code == INTERRUPTED else "error: "
        print(f"baseten-perf {arguments.command}: {error}{failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print(f"baseten-perf {arguments.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone. What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def parsed(argv: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command and its arguments. Ends the process with exit code 2 when they are wrong.

    Only the module of the command that is asked for is imported. What a message repeats of the command line is never
    the value of an unknown option: somebody may have tried to pass an API key.
    """
    parser = argparse.ArgumentParser(
        prog="baseten-perf", description="embeddings and more, many requests at a time", allow_abbrev=False,
        epilog="exit codes: 0 all is done, 1 rows are missing or it went wrong, 2 wrong usage, 130 interrupted; "
        "completion by the shell, with argcomplete installed: eval \"$(register-python-argcomplete baseten-perf)\"",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    first = argv[0] if argv else ""
    rooms = {name: imported(name) for name in ([first] if first in COMMANDS else COMMANDS)}
    for name, room in rooms.items():
        described = commands.add_parser(
            name, help=room.SUMMARY, description=room.__doc__, epilog=examples(room), allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        room.add_arguments(described)
    if COMPLETING in os.environ:
        import_module("argcomplete").autocomplete(parser)
    if first not in (*COMMANDS, "-h", "--help", "--version"):
        parser.error(f"the first argument must be a command: {', '.join(COMMANDS)}")
    arguments, unknown = parser.parse_known_args(argv)
    unknown += filter(WITH_VALUE.match, argv)
    if unknown:
        commands.choices[arguments.command].error(refusal(unknown))
    return rooms[arguments.command], arguments


def examples(room: Command) -> str | None:
    """The examples that a command's help ends with."""
    return f"examples:\n{room.EXAMPLES}" if hasattr(room, "EXAMPLES") else None


def imported(name: str) -> Command:
    """The module of a command."""
    return cast(Command, import_module(f".{name}", __name__))


def refusal(unknown: Iterable[str]) -> str:
    """What is said of arguments that a command does not know: names of options, no values."""
    names = [option.group() for option in map(OPTION.match, unknown) if option]
    if not names:
        return "too many arguments"
    message = f"no such option: {', '.join(names)}"
    if any("key" in name for name in names):
        message += "; an API key is taken from the environment, since others can read command lines"
    return message
