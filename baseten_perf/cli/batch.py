"""Send the requests of a batch file, of OpenAI's form, and write the responses in the order of the requests.

A line has `custom_id` and `body`, and where they are not the same for all, `method` and `url`. A line of the output has
`id`, `custom_id`, `response` with `status_code`, `request_id` and `body`, and `error`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..operations.operation import WITH_BODY
from . import durable, options
from .failure import USAGE, Failure
from .job import Job
from .kinds import STANDARD, output_kind
from .outputs import Output, Table
from .outputs.batch_lines import BatchLines
from .sources import Columns, Inputs, Row, where
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "send the requests of a batch file, as of OpenAI, Mistral and Voyage"
EXAMPLES = """\
  baseten-perf batch requests.jsonl -o responses.jsonl --errors errors.jsonl --base-url http://127.0.0.1:8000
  baseten-perf batch mistral.jsonl -o responses.jsonl --url /v1/chat/completions --model mistral-small-latest \\
      --base-url https://api.mistral.ai
"""
CUSTOM_ID = "custom_id"
MEMBERS = {CUSTOM_ID, "method", "url", "body"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `batch`."""
    parser.add_argument(
        "inputs", nargs="+", metavar="IN.jsonl", help="JSON Lines, also .gz and .zst; - is standard input"
    )
    add = parser.add_argument_group("output").add_argument
    add(
        "-o",
        "--output",
        required=True,
        metavar="OUT.jsonl",
        help="responses; an old file is replaced when they are whole",
    )
    add("--errors", metavar="ERR.jsonl", help="lines of requests that have failed (default: in OUT.jsonl)")
    options.add_run(parser, on_error="skip")
    options.add_server(parser)
    add = parser.add_argument_group("API").add_argument
    add("--url", metavar="PATH", help="path for lines that have none; appended to the base URL")
    add("--model", help="model for bodies that name none")
    options.add_call_options(
        parser, max_concurrent_requests=128, timeout_s=None, max_retries=None, patience_s=None, max_response_bytes=None
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what `batch` is for."""
    key = options.api_key(arguments)
    if arguments.output == STANDARD:
        raise Failure("a batch's output is a file", USAGE)
    kind = output_kind(arguments.output, None, ("jsonl",))
    if arguments.errors is not None:
        errors = Path(arguments.errors).absolute()
        if errors == Path(arguments.output).absolute():
            raise Failure("--errors and --output are the same file", USAGE)
        if not errors.parent.is_dir() or errors.is_dir():
            raise Failure(f"cannot write {arguments.errors}", USAGE)
    inputs = Inputs(arguments.inputs, "jsonl", Columns(None, {CUSTOM_ID: CUSTOM_ID}, texts=False))
    if arguments.errors is not None:
        inputs.spare(arguments.errors)
    return Job(Requests(arguments), inputs, arguments, kind).run(key)


class Requests(Task):
    """Requests to responses."""

    unit = "request"
    result = "response"

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self._known: dict[str, str] = {}

    def check(self, row: Row) -> None:
        line, place = row.value, where(row)
        custom_id = line[CUSTOM_ID]
        if not isinstance(custom_id, str):
            raise Failure(f"{place}: custom_id is not a string", USAGE)
        if custom_id in self._known:
            raise Failure(f"{place}: custom_id {custom_id!r} is that of {self._known[custom_id]} too", USAGE)
        self._known[custom_id] = place
        if strange := sorted(line.keys() - MEMBERS):
            raise Failure(f"{place}: {strange[0]!r} is no member of a batch's line", USAGE)
        if not isinstance(line.get("body"), dict):
            raise Failure(f"{place}: body is not a JSON object", USAGE)
        if line.get("method", "POST") not in WITH_BODY:
            raise Failure(f"{place}: method is none of {', '.join(WITH_BODY)}", USAGE)
        url = line.get("url", self._arguments.url)
        if not isinstance(url, str) or not url.startswith("/"):
            what = "has no url, and there is no --url" if url is None else "url is no path, as /v1/embeddings"
            raise Failure(f"{place}: {what}", USAGE)

    def value(self, row: Row) -> Any:
        from baseten_perf import PostRequest

        line, model = row.value, self._arguments.model
        body = line["body"] if model is None or "model" in line["body"] else {**line["body"], "model": model}
        return PostRequest(body, url_path=line.get("url"), method=line.get("method"))

    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        path = self._arguments.url or "/"  # which is then that of no request
        return client.iter_batch_post(path, values, ordered=ordered, return_exceptions=return_exceptions)

    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        return [[batch.status, batch.response_headers.get("x-request-id", ""), batch.data[0]]]

    def identity(self) -> dict[str, Any]:
        return options.identity(self._arguments, "url", "model")

    def output(self, kind: str, path: Path, table: Table) -> Output:
        return BatchLines(path, table, self._errors)

    def publish(self, path: Path, target: Path) -> None:
        if self._errors is not None:
            durable.replace(self._errors, Path(self._arguments.errors))
        super().publish(path, target)

    @property
    def _errors(self) -> Path | None:
        """Where the lines of failed requests are written before their file is whole."""
        return None if self._arguments.errors is None else Path(f"{self._arguments.errors}.partial")
