"""The pipelines of pipelines.py, and what the measurements come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.table import markdown_table, short, spaced

TEXTS = 200_000


@dataclass(frozen=True)
class Pipeline:
    """An engine and a client; what of the texts they measure, the rest is extrapolated."""

    engine: str
    client: str
    called: str
    part: float = 1.0

    @property
    def name(self) -> str:
        """For the command line, and for the files of results."""
        return f"{self.engine}_{self.client}"

    def texts(self, *, quick: bool) -> int:
        """How many texts are measured."""
        return 2_000 if quick else round(TEXTS * self.part)


_TABLE = (
    Pipeline("ray", "baseten_perf", "Ray Data, Embedder"),
    Pipeline("ray", "openai", "Ray Data, AsyncOpenAI in map_batches"),
    Pipeline("ray", "http_processor", "Ray Data, HttpRequestProcessorConfig", 0.1),
    Pipeline("daft", "baseten_perf", "Daft, PerformanceProvider"),
    Pipeline("daft", "openai", "Daft, its own provider", 0.1),
    Pipeline("langchain", "baseten_perf", "LangChain, PerformanceEmbeddings"),
    Pipeline("langchain", "openai", "LangChain, OpenAIEmbeddings", 0.1),
)
PIPELINES = {pipeline.name: pipeline for pipeline in _TABLE}
_COLUMNS = ("pipeline", "seconds", "times ours", "requests", "in flight: most", "mean", "peak MB", "above the start")


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds; seconds and requests are those of all texts, also where a part was measured."""

    pipeline: Pipeline
    seconds: float
    requests: float
    most: float
    mean: float
    peak_mb: float
    grown_mb: float
    measured: int


def rows(wanted: Iterable[Pipeline], measurements: list[dict[str, Any]]) -> list[Row]:
    """One for each pipeline that was measured."""
    made = []
    for pipeline in wanted:
        runs = [each for each in measurements if each["pipeline"] == pipeline.name and "error" not in each]
        if runs:
            made.append(_row(pipeline, runs))
    return made


def _row(pipeline: Pipeline, runs: list[dict[str, Any]]) -> Row:
    parts = TEXTS / runs[0]["texts"]
    return Row(
        pipeline,
        seconds=parts * median(run["wall_s"] for run in runs),
        requests=parts * median(run["requests"] for run in runs),
        most=median(run["most"] for run in runs),
        mean=median(run["flight_s"] / run["wall_s"] for run in runs),
        peak_mb=median(run["peak_mb"] for run in runs),
        grown_mb=median(run["peak_mb"] - run["before_mb"] for run in runs),
        measured=runs[0]["texts"],
    )


def text(table: list[Row]) -> str:
    """A line for each pipeline."""
    lines = [_COLUMNS, *(_cells(row, table) for row in table)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    return "\n".join([*shown, *_notes(table)])


def markdown(table: list[Row]) -> str:
    """The same."""
    lines = [_COLUMNS, ("---", *["---:"] * (len(_COLUMNS) - 1)), *(_cells(row, table) for row in table)]
    return "\n".join([markdown_table(lines), *(f"\n\\{note}" for note in _notes(table))])


def _cells(row: Row, table: list[Row]) -> tuple[str, ...]:
    ours = [each for each in table if each.pipeline.engine == row.pipeline.engine]
    ours = [each for each in ours if each.pipeline.client == "baseten_perf"]
    return (
        row.pipeline.called,
        short(row.seconds) + ("" if row.measured == TEXTS else "*"),
        short(row.seconds / ours[0].seconds) if ours else "-",
        f"{row.requests:.0f}",
        f"{row.most:.0f}",
        short(row.mean),
        f"{row.peak_mb:.0f}",
        f"{row.grown_mb:+.0f}",
    )


def _notes(table: list[Row]) -> list[str]:
    parts = dict.fromkeys(row.measured for row in table if row.measured != TEXTS)
    return [f"* extrapolated from {spaced(texts)} texts." for texts in parts]
