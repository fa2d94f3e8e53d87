"""Serve embeddings, reranking, classification and echoes on a local port, with faults on order, until Ctrl-C."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from .failure import Failure
from .numbers import number

if TYPE_CHECKING:
    from baseten_perf.testing import Faults

SUMMARY = "run the local test server"
EXAMPLES = """\
  baseten-perf serve --port 8000
  baseten-perf serve --port 8000 --latency 0.05 --faults status=503,every=10,retry_after=0.2
  BASETEN_API_KEY=none baseten-perf embed texts.txt -o vectors.npy --base-url http://127.0.0.1:8000 --model m
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `serve`."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=number(int, 0, 65_535), default=0, metavar="N", help="port to listen on (default: any free one)")
    add("--latency", type=number(float, 0, 86_400), metavar="S", help="seconds before each answer (default: none)")
    add("--faults", type=faults, default="", metavar="LIST",
        help="of all requests, as status=503,every=10; see baseten_perf.testing.Faults")  # fmt: skip
    add(
        "--dimension",
        type=number(int, 1, 1 << 20),
        default=384,
        metavar="N",
        help="of embeddings (default: %(default)s)",
    )
    add("--record", action="store_true", help="keep all requests for GET /_requests")
    add("--tls", nargs=2, metavar=("CERTFILE", "KEYFILE"), help="serve https")
    add("--until-stdin-ends", action="store_true", help="end with the process that started this one")


def faults(text: str) -> Faults:
    """An argparse type: faults as a path prefix spells them."""
    from baseten_perf.testing import Faults

    try:
        return Faults.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Do what `serve` is for."""
    from baseten_perf.testing.listening import serve
    from baseten_perf.testing.service import Settings

    ordered = arguments.faults
    if arguments.latency is not None:
        ordered = dataclasses.replace(ordered, latency=arguments.latency)
    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        dimension=arguments.dimension,
        record=arguments.record,
        faults=ordered,
        tls=tuple(arguments.tls) if arguments.tls else None,
        owned=arguments.until_stdin_ends,
    )
    try:
        serve(settings)
    except OSError as error:
        raise Failure(f"cannot serve on {settings.host}, port {settings.port}: {error.strerror or error}") from error
    return 0
