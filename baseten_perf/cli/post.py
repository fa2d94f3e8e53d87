"""Send JSON payloads of files to any path, one request each, and write the responses in the order of the payloads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from . import job, options
from .failure import USAGE, Failure
from .sources import Row, where
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "send the JSON records of files, one request each, into a JSON Lines file"
EXAMPLES = """\
  baseten-perf post payloads.jsonl -o responses.jsonl --url-path /v1/chat/completions --base-url http://127.0.0.1:8000
  baseten-perf post rows.csv -o responses.jsonl --url-path /score --id number --base-url http://127.0.0.1:8000
"""
KINDS = ("jsonl",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `post`."""
    options.add_inputs(parser, texts=False)
    options.add_output(parser, KINDS)
    options.add_server(parser)
    add = parser.add_argument_group("API").add_argument
    add("--url-path", required=True, metavar="PATH", help="appended to the base URL")
    add("--method", choices=("POST", "PUT", "PATCH"), default="POST", help="of the requests (default: %(default)s)")
    options.add_call_options(
        parser, max_concurrent_requests=128, timeout_s=None, max_retries=None, patience_s=None, max_response_bytes=None
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what `post` is for."""
    return job.run(Posting, arguments, KINDS, texts=False)


class Posting(Task):
    """Payloads to responses."""

    unit = "payload"
    result = "response"

    def check(self, row: Row) -> None:
        try:
            orjson.dumps(row.value)
        except TypeError as error:
            raise Failure(f"{where(row)}: JSON has no form of this record ({error})", USAGE) from None

    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        given = self._arguments
        return client.iter_batch_post(
            given.url_path, values, method=given.method, ordered=ordered, return_exceptions=return_exceptions,
        )  # fmt: skip

    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        return [batch.data[0]]

    def identity(self) -> dict[str, Any]:
        return options.identity(self._arguments, "url_path", "method")
