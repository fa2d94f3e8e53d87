"""Classify texts of files: labels and scores for each row."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from . import job, options
from .failure import USAGE, Failure
from .kinds import STANDARD
from .results import Labels
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "classify the texts of files into a JSON Lines, Parquet or Arrow file"
EXAMPLES = """\
  baseten-perf classify reviews.csv -o labels.parquet --column review --id number --base-url http://127.0.0.1:8000
  baseten-perf classify reviews.jsonl -o labels.jsonl --api vllm --base-url http://127.0.0.1:8000
"""
KINDS = ("jsonl", "parquet", "arrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `classify`."""
    options.add_inputs(parser)
    options.add_output(parser, KINDS)
    options.add_server(parser)
    options.add_body(parser)
    add = parser.add_argument_group("labels").add_argument
    add(
        "--api", choices=("tei", "vllm", "infinity"), default="tei",
        help="POST /predict of text-embeddings-inference, or /classify of vLLM and SGLang, or of Infinity "
        "(default: %(default)s)",
    )  # fmt: skip
    options.add_model(add)
    options.add_call_options(
        parser, batch_size=32, max_concurrent_requests=128, max_chars_per_request=None,
        max_tokens_per_request=None, timeout_s=None, max_retries=None, patience_s=None,
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Do what `classify` is for."""
    if arguments.api == "infinity" and arguments.truncate:
        raise Failure("--truncate is not of --api infinity, which truncates always", USAGE)
    return job.run(Classification, arguments, KINDS)


class Classification(Task):
    """Texts to labels with scores."""

    unit = "text"
    result = "labels"

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        # On standard output rows go away before all names are known.
        self._numbered = arguments.api == "vllm" and arguments.output != STANDARD
        if self._numbered:
            self.results = Labels()

    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        given = self._arguments
        return client.iter_classify(
            values, given.model, given.raw_scores, given.truncate, ordered=ordered, api=given.api,
            url_path=given.url_path, extra_body=given.extra_body, return_exceptions=return_exceptions,
        )  # fmt: skip

    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        data = batch.data
        found = [[{"label": one.label, "score": one.score} for one in data[place]] for place in places]
        if self._numbered:
            numbers = {name: number for number, name in enumerate(batch.classes)}
            for label in chain.from_iterable(found):
                label["class"] = numbers[label["label"]]
        return found

    def identity(self) -> dict[str, Any]:
        return options.identity(self._arguments, "api", "url_path", "model", "raw_scores", "truncate", "extra_body")

    def type(self, pyarrow: Any) -> Any:
        return pyarrow.list_(pyarrow.struct([("label", pyarrow.string()), ("score", pyarrow.float64())]))
