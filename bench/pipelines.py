"""Parquet of texts to Parquet with their vectors, through Ray Data, Daft and LangChain, with each one's clients.

Seconds without the start of the engine, requests in flight as the server sees them, and the most memory of all
processes together, what Ray keeps in its object store left out. Each answer takes 50 ms; all rows are checked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import child, options
from bench.machine import facts
from bench.peers import Entry
from bench.pipeline_rows import PIPELINES, Pipeline, rows, text
from bench.record import Record
from bench.server.counting import DIM, LATENCY_S, Counting
from bench.table import header
from bench.usage import tree_mb

_CALLS = Path(__file__).resolve().parent / "pipeline_calls.py"
_WORDS = "what a paragraph of a document may say before it ends. "
_SAMPLE_S = 0.1
_DISTRIBUTIONS = ("baseten_perf", "ray", "daft", "langchain-openai", "openai", "pyarrow")


def main() -> int:
    """Returns the exit code: 1 when a pipeline failed or a row was wrong."""
    arguments = _arguments()
    wanted = [PIPELINES[name] for name in arguments.pipelines]
    title = f"Python (uvloop), {DIM} floats a text, {1e3 * LATENCY_S:.0f} ms"
    entries = [Entry(name, name, "", native=False) for name in _DISTRIBUTIONS]
    about = facts(entries, title, arguments)
    record = Record(arguments.json, about, resume=arguments.resume)
    print(header(about), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-pipelines-") as directory:
        for run in range(arguments.runs):
            for pipeline in wanted:
                _measure(run, pipeline, Path(directory), record, quick=arguments.quick)
    record.save()
    print(text(rows(wanted, record.measurements)))
    return int(record.failed)


def _arguments() -> argparse.Namespace:
    parser = options.base(__doc__, "pipelines", runs=1)
    parser.add_argument("--pipelines", nargs="+", choices=PIPELINES, default=list(PIPELINES), metavar="NAME",
                        help=f"of {', '.join(PIPELINES)}")
    return options.complete(parser.parse_args())


def _measure(run: int, pipeline: Pipeline, directory: Path, record: Record, *, quick: bool) -> None:
    """One fresh process for the pipeline, with those that its engine starts, and one for the server."""
    texts = pipeline.texts(quick=quick)
    identity = {"run": run, "pipeline": pipeline.name, "texts": texts}
    if record.has(**identity):
        return
    server = Counting()
    try:
        measured = _watched(pipeline, texts, _source(directory, texts), server.base_urls[0])
    finally:
        counts = server.end()
    record.add({**identity, **measured, **counts})
    words = measured.get("error") or f"{texts:,} texts in {measured['wall_s']:.2f} s"
    print(f"run {run}  {pipeline.name:23} {words}", file=sys.stderr, flush=True)


def _watched(pipeline: Pipeline, texts: int, source: Path, base_url: str) -> dict[str, Any]:
    """The pipeline's measurement, with the most memory that its processes have had together."""
    command = [sys.executable, str(_CALLS), pipeline.engine, pipeline.client, str(texts), str(source), base_url]
    return child.peaked(command, tree_mb, every_s=_SAMPLE_S)


def _source(directory: Path, texts: int) -> Path:
    """A Parquet file with so many texts of some hundred characters."""
    path = directory / f"{texts}.parquet"
    if not path.exists():
        numbers = range(texts)
        columns = {"id": numbers, "text": [f"text {number} is {_WORDS * 2}" for number in numbers]}
        pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=20_000)
    return path


if __name__ == "__main__":
    sys.exit(main())
