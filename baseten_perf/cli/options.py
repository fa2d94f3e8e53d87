"""Options that commands share: the server and its API key, and those of the table of options."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

from ..client.connection import KEY_VARIABLES
from ..policy.fields import OPTIONS
from .failure import USAGE, Failure
from .numbers import number

# Other spellings of options.
ALSO = {"max_concurrent_requests": ("--concurrency",)}


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which server is asked, and with which API key."""
    add = parser.add_argument
    add("--base-url", required=True, metavar="URL", help="server; the path of the API is added")
    add(
        "--api-key-env",
        type=variable,
        metavar="NAME",
        help=f"environment variable with the API key (default: {' or '.join(KEY_VARIABLES)})",
    )


def add_call_options(parser: argparse.ArgumentParser, **defaults: float | None) -> None:
    """Add options of the table that are numbers, with a default of the command; None leaves them to the client."""
    for name, default in defaults.items():
        option = OPTIONS[name]
        assert option.range is not None
        meaning = option.doc.partition(";")[0].replace("%", "%%")
        low, high = option.range.low, option.range.high
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            *ALSO.get(name, ()),
            type=number(int, low, high) if isinstance(option.default, int) else number(float, low, high),
            default=default,
            metavar="N",
            help=meaning if default is None else f"{meaning} (default: %(default)s)",
        )


def call_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords for a method of the client: what the command line or its defaults say of the options of the table."""
    given = vars(arguments)
    return {name: given[name] for name in OPTIONS if given.get(name) is not None}


def api_key(arguments: argparse.Namespace) -> str:
    """The API key from the environment; never from the command line, which others can read."""
    names = (arguments.api_key_env,) if arguments.api_key_env else KEY_VARIABLES
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    # What was given as a name is not repeated: it may be the key itself.
    missing = "that --api-key-env names" if arguments.api_key_env else " or ".join(KEY_VARIABLES)
    raise Failure(
        f"no API key: set the environment variable {missing}. "
        f"A local server that asks for none takes any value: {KEY_VARIABLES[0]}=none baseten-perf ...",
        USAGE,
    )


def variable(text: str) -> str:
    """An argparse type: the name of an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise argparse.ArgumentTypeError("must be the name of an environment variable, not the key itself")
    return text
