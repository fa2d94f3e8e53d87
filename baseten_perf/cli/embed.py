"""Embed texts of files: one vector for each row, in the order of the rows.

The kinds of inputs and output are told by their suffixes. Text has a row for each line; JSON Lines, CSV, TSV, Parquet
and Arrow have the text in a column. What a run has done is kept in OUT.partial until the output is whole, so that
--resume goes on after Ctrl-C, a crash or a failure, and pays for nothing twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import job, options
from .numbers import number
from .results import Vectors
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "embed the texts of files into a .npy, JSON Lines, Parquet or Arrow file"
EXAMPLES = """\
  baseten-perf embed texts.txt -o vectors.npy --base-url https://api.openai.com --model text-embedding-3-small
  baseten-perf embed docs/*.jsonl.gz -o vectors.parquet --column body --id doc_id --keep title,lang \\
      --base-url http://127.0.0.1:8000 --model m --on-error skip --resume
  zcat texts.gz | baseten-perf embed - -o - --base-url http://127.0.0.1:8000 --model m >vectors.jsonl
"""
KINDS = ("npy", "jsonl", "parquet", "arrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `embed`."""
    options.add_inputs(parser)
    options.add_output(parser, KINDS)
    options.add_server(parser)
    add = parser.add_argument_group("vectors").add_argument
    add("--model", required=True, help="name of the model")
    add(
        "--dimensions", type=number(int, 1, 1_000_000), metavar="N", help="length of the vectors (default: the model's)"
    )
    add("--encoding-format", choices=("float", "base64"), help="how vectors travel; base64 needs fewer bytes")
    options.add_body(parser)
    options.add_call_options(
        parser, batch_size=128, max_concurrent_requests=128, max_chars_per_request=None,
        max_tokens_per_request=None, timeout_s=None, max_retries=None, patience_s=None,
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Do what `embed` is for."""
    return job.run(Embedding, arguments, KINDS)


class Embedding(Task):
    """Texts to vectors."""

    unit = "text"
    result = "embedding"

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self.results = self.vectors = Vectors()

    @property
    def shape(self) -> str:
        return "texts" if self.vectors.shape is None else f"x {self.vectors.shape[1]} float32"

    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        given = self._arguments
        return client.iter_embed(
            values, given.model, given.encoding_format, given.dimensions, ordered=ordered,
            url_path=given.url_path, extra_body=given.extra_body, return_exceptions=return_exceptions,
        )  # fmt: skip

    def values(self, batch: Any, places: Sequence[int]) -> Any:
        rows = batch.numpy(missing="nan")
        return rows if len(places) == len(rows) else rows[places]

    def identity(self) -> dict[str, Any]:
        return options.identity(self._arguments, "url_path", "model", "dimensions", "encoding_format", "extra_body")

    def type(self, pyarrow: Any) -> Any:
        return pyarrow.list_(pyarrow.float32(), -1 if self.vectors.shape is None else self.vectors.shape[1])
