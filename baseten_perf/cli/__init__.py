"""The command `baseten-perf`: its subcommands and what they have in common, exit codes and last words."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from .._version import __version__
from . import demo, embed, serve
from .failure import Failure

COMMANDS = {"demo": demo, "embed": embed, "serve": serve}
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: this process's) and return its exit code.

    0: done; 1: it went wrong on the way; 2: it cannot be done as asked; 130: Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="baseten-perf", description="embeddings and more, many requests at a time")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, room in COMMANDS.items():
        room.add_arguments(commands.add_parser(name, help=room.SUMMARY, description=room.__doc__))
    arguments = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
    except Failure as failure:
        print(f"baseten-perf {arguments.command}: error: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print(f"baseten-perf {arguments.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone. What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code
