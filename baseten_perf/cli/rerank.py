"""Score texts of files against a query, or each against a query of its own: one score for each row."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import job, options
from .failure import USAGE, Failure
from .sources import Row
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

SUMMARY = "score the texts of files against queries into a JSON Lines, Parquet or Arrow file"
EXAMPLES = """\
  baseten-perf rerank passages.txt -o scores.jsonl --query "What is a panda?" --base-url http://127.0.0.1:8000
  baseten-perf rerank pairs.parquet -o scores.parquet --query-column question --column passage --id pair \\
      --base-url http://127.0.0.1:8000
"""
KINDS = ("jsonl", "parquet", "arrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `rerank`."""
    options.add_inputs(parser)
    options.add_output(parser, KINDS)
    options.add_server(parser)
    options.add_body(parser)
    group = parser.add_argument_group("scores")
    either = group.add_mutually_exclusive_group(required=True)
    either.add_argument("--query", metavar="TEXT", help="what all texts are scored against")
    either.add_argument(
        "--query-column", metavar="NAME",
        help="column with the query of each text; neighbours with the same query share requests",
    )  # fmt: skip
    add = group.add_argument
    add(
        "--api", choices=("tei", "cohere"), default="tei",
        help="POST /rerank of text-embeddings-inference, or /v1/rerank of Cohere and vLLM (default: %(default)s)",
    )  # fmt: skip
    options.add_model(add)
    options.add_call_options(
        parser, batch_size=32, max_concurrent_requests=128, timeout_s=None, max_retries=None, patience_s=None
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what `rerank` is for."""
    if arguments.api == "cohere" and (arguments.raw_scores or arguments.truncate):
        raise Failure("--raw-scores and --truncate are of --api tei", USAGE)
    return job.run(Scoring, arguments, KINDS, query=arguments.query_column)


class Scoring(Task):
    """Texts to scores."""

    unit = "text"
    result = "score"

    def value(self, row: Row) -> Any:
        return row.value if self._arguments.query is None else (self._arguments.query, row.value)

    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        from ..policy import resolve
        from .reranking import Reranking  # and with it asyncio

        given = self._arguments
        keywords = {
            "raw_scores": given.raw_scores, "model": given.model, "truncate": given.truncate, "api": given.api,
            "url_path": given.url_path, "extra_body": given.extra_body, "return_exceptions": return_exceptions,
        }  # fmt: skip
        # Where the client chooses, calls beyond what it allows wait there.
        most = resolve(options.preference(given)).most_requests
        return Reranking(client, values, ordered, given.batch_size, most, keywords)

    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        scores = batch.response.scores().tolist()
        return [scores[place] for place in places]

    def identity(self) -> dict[str, Any]:
        names = ("query", "query_column", "api", "url_path", "model", "raw_scores", "truncate", "extra_body")
        return options.identity(self._arguments, *names)

    def type(self, pyarrow: Any) -> Any:
        return pyarrow.float64()
