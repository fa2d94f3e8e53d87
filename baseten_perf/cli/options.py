"""Options that commands share: server and API key, inputs, output, checkpoint, and those of the table of options."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..client.connection import KEY_VARIABLES
from ..limits import MOST_PER_MINUTE
from ..policy.fields import AUTO, OPTIONS
from ..validation import unsigned
from .failure import USAGE, Failure
from .kinds import INPUTS, STANDARD, output_kind
from .numbers import number
from .sources import BLANK, TEXT, Columns, Inputs

if TYPE_CHECKING:
    from baseten_perf import RequestProcessingPreference

# Other spellings of options.
ALSO = {
    "max_concurrent_requests": ("--concurrency",),
    "timeout_s": ("--timeout",),
    "max_retries": ("--retries",),
}  # fmt: skip

# Of what the client takes limits.
LIMITED = ("requests", "tokens")
# What a command does by default unlike the client.
UNLESS_GIVEN: dict[str, Any] = {"max_chars_per_request": None}


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which server is asked, with which API key and which headers."""
    group = parser.add_argument_group("server")
    group.add_argument("--base-url", required=True, metavar="URL", help="server; the path of the API is added")
    add_credentials(group)
    for what in LIMITED:
        group.add_argument(
            f"--max-{what}-per-minute", type=number(float, 1, MOST_PER_MINUTE), metavar="N",
            help=f"{what} sent in any minute at most, those of retries included (default: none)",
        )  # fmt: skip


def add_credentials(parser: argparse._ActionsContainer) -> None:
    """Add the options that say with which API key and which headers a server is asked."""
    add = parser.add_argument
    add(
        "--api-key-env",
        type=variable,
        metavar="NAME",
        help=f"environment variable with the API key (default: {' or '.join(KEY_VARIABLES)})",
    )
    add("--header", action="append", type=header, default=[], metavar="'NAME: VALUE'",
        help="sent with each request; may be given several times")  # fmt: skip


def add_inputs(parser: argparse.ArgumentParser, *, texts: bool = True) -> None:
    """Add the files that are read: texts, or records of which JSON is sent."""
    kinds = [kind for kind in INPUTS if texts or kind != "text"]
    parser.add_argument("inputs", nargs="+", metavar="FILE",
        help=f"{', '.join(kinds)}, but for the last two also .gz and .zst; UTF-8; a folder of Parquet files; "
        "- is standard input")  # fmt: skip
    add = parser.add_argument_group("inputs").add_argument
    add("--from", dest="input_kind", choices=kinds, help="kind of the inputs (default: by the suffix of each)")
    if texts:
        add("--column", "--field", default=TEXT, metavar="NAME",
            help='column or JSON field with the text (default: "%(default)s")')  # fmt: skip
        add("--blank", choices=BLANK, default=BLANK[0],
            help="blank lines and texts: an error, no rows, or sent as they are (default: %(default)s)")  # fmt: skip
    else:
        add("--column", "--field", metavar="NAME", help="column or JSON field with the payload (default: all of them)")
        parser.set_defaults(blank=BLANK[0])
    add("--id", metavar="NAME", help='column that results carry along as "id"')
    add("--keep", action="append", default=[], metavar="NAMES",
        help="columns that results carry along, separated by commas")  # fmt: skip


def add_output(parser: argparse.ArgumentParser, kinds: tuple[str, ...]) -> None:
    """Add where results go, and what becomes of failures and of the work of earlier runs."""
    add = parser.add_argument_group("output").add_argument
    add("-o", "--output", required=True, metavar="OUT",
        help=f"file to write ({', '.join(kinds)}), or - for JSON Lines on standard output; an old one is replaced "
        f"when the new one is whole{'; Parquet is a folder of part files' if 'parquet' in kinds else ''}")  # fmt: skip
    add("--to", dest="output_kind", choices=kinds, help="kind of the output (default: by its suffix)")
    add_run(parser)


def add_run(parser: argparse.ArgumentParser, on_error: str = "stop") -> None:
    """Add what becomes of failures and of the work of earlier runs."""
    group = parser.add_argument_group("failures")
    add = group.add_argument
    add("--on-error", choices=("stop", "skip"), default=on_error,
        help="end at the first row that fails, or go on without it (default: %(default)s)")  # fmt: skip
    either = group.add_mutually_exclusive_group()
    either.add_argument("--resume", action="store_true", help="go on where an earlier run has ended, however it did")
    either.add_argument("--restart", action="store_true", help="throw away what an earlier run has left")
    add("--checkpoint-interval", type=number(float, 0.01, 3600), default=1.0, metavar="S",
        help="seconds after which work is safe from a crash (default: %(default)s)")  # fmt: skip


def add_call_options(parser: argparse.ArgumentParser, *, adaptive: bool = True, **defaults: float | None) -> None:
    """Add options of the table that are numbers, with a default of the command; None leaves them to the client.

    Parameters:
        adaptive: whether the client may choose how many requests are in flight.
    """
    add = parser.add_argument_group("requests").add_argument
    for name, default in defaults.items():
        option = OPTIONS[name]
        assert option.range is not None
        meaning = option.doc.partition(";")[0]
        low, high = option.range.low, option.range.high
        whole = isinstance(option.default, int) or option.convert is unsigned
        shown = UNLESS_GIVEN.get(name, option.default) if default is None else default
        kind: Callable[[str], Any] = number(int if whole else float, low, high)
        if adaptive and name == "max_concurrent_requests":
            kind, meaning = auto_or(kind), f"{meaning}, or auto: as many as raise the throughput"
        add(
            f"--{name.replace('_', '-')}",
            *ALSO.get(name, ()),
            type=kind,
            default=default,
            metavar="N",
            help=f"{meaning} (default: {'none' if shown is None else shown})".replace("%", "%%"),
        )


def auto_or(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type: the word auto, or what `convert` takes."""
    return lambda text: AUTO if text == AUTO else convert(text)


def preference(arguments: argparse.Namespace) -> RequestProcessingPreference:
    """What the command line or its defaults say of the options of the table, for a client."""
    from baseten_perf import RequestProcessingPreference

    given = vars(arguments)
    options = {name: given[name] for name in OPTIONS if given.get(name) is not None}
    if given.get("header"):
        options["extra_headers"] = dict(arguments.header)
    found = RequestProcessingPreference(**options)
    for name, value in UNLESS_GIVEN.items():
        if name not in options:
            setattr(found, name, value)
    return found


def limits(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of limits, for a client."""
    given = {f"max_{what}_per_minute": getattr(arguments, f"max_{what}_per_minute") for what in LIMITED}
    return {name: limit for name, limit in given.items() if limit is not None}


def inputs(arguments: argparse.Namespace, *, texts: bool = True, query: str | None = None) -> Inputs:
    """What the command line says of inputs. For the other parameters see Columns."""
    carried: dict[str, str] = {"id": arguments.id} if arguments.id else {}
    for name in ",".join(arguments.keep).split(",") if arguments.keep else ():
        if carried.setdefault(name, name) != name:
            raise Failure(f"--keep {name}: that is the name under which --id is carried along", USAGE)
    columns = Columns(arguments.column, carried, texts, arguments.blank, query)
    return Inputs(arguments.inputs, arguments.input_kind, columns)


def kind_of_output(arguments: argparse.Namespace, kinds: tuple[str, ...]) -> str:
    """The kind of the output. Failure when it cannot hold what is asked for."""
    kind = output_kind(arguments.output, arguments.output_kind, kinds)
    if kind == "npy" and (arguments.id or arguments.keep):
        raise Failure("a .npy file holds vectors alone; --id and --keep need another kind of output", USAGE)
    if arguments.output == STANDARD and arguments.resume:
        raise Failure("standard output cannot be resumed", USAGE)
    return kind


def identity(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """What makes results what they are: the command, the server, and the options of these names."""
    found: Mapping[str, Any] = vars(arguments)
    return {
        "command": arguments.command,
        "base URL": shown(arguments),
        **{name.replace("_", " "): found[name] for name in names},
    }


def shown(arguments: argparse.Namespace) -> str:
    """The base URL without what may be secret in it."""
    from ..http.urls import shown_url

    return shown_url(arguments.base_url)


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


def header(text: str) -> tuple[str, str]:
    """An argparse type: a header. What is wrong with it is told without its value, which may be a secret."""
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
        raise argparse.ArgumentTypeError("must be 'NAME: VALUE'")
    return name, value.strip()


def add_body(parser: argparse.ArgumentParser) -> None:
    """Add where requests go and what else their bodies hold."""
    add = parser.add_argument_group("API").add_argument
    add("--url-path", metavar="PATH", help="appended to the base URL, instead of the path of the API")
    add("--extra-body", type=json_object, metavar="JSON", help="further members of each request, as an object")


def add_model(add: Callable[..., Any]) -> None:
    """Add what text-embeddings-inference may be told of scores, and the model."""
    add("--model", help="name of the model, for servers that have several")
    add("--raw-scores", action="store_true", help="scores as the model gives them, not squashed into 0 to 1")
    add("--truncate", action="store_true", help="cut texts that are too long for the model, instead of failing")


def json_object(text: str) -> dict[str, Any]:
    """An argparse type: a JSON object."""
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"must be JSON: {error.msg}, column {error.colno}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value
