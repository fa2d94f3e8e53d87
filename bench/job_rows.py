"""The jobs of jobs.py, what they take at best, and what the measurements come to."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from bench.server.picky import DIM, LATENCY_S
from bench.table import markdown_table, short, spaced

CLIENTS = {"baseten_perf": "baseten_perf", "baseten_performance_client": "reference client", "openai": "AsyncOpenAI"}
_TAKES_JSON = "baseten_performance_client"  # its users would decode base64 in Python
_PART = {"openai": 0.1}  # of the texts that peers in Python measure without a quota; the rest is extrapolated
_BAD_BATCH = 32


@dataclass(frozen=True)
class Job:
    """So many texts; for backfill the canned answer to each batch, in base64, for bad_texts the server's rule."""

    name: str
    about: str
    texts: int
    dim: int
    route: str = ""
    bad_share: float = 0.0
    per_s: float = 0.0

    @property
    def json_route(self) -> str:
        """The same answer with floats as JSON."""
        return self.route.removesuffix("_base64")

    def route_of(self, peer: str) -> str:
        """What the server of this peer answers."""
        return self.json_route if peer == _TAKES_JSON else self.route

    @cached_property
    def bad(self) -> list[int]:
        """Which texts are refused, the same ones for each client."""
        return sorted(random.Random(1).sample(range(self.texts), round(self.texts * self.bad_share)))

    def texts_of(self, peer: str) -> int:
        """How many texts this peer measures."""
        return self.texts if self.per_s else round(self.texts * _PART.get(peer, 1.0))

    def for_child(self, peer: str) -> dict[str, Any]:
        """What the child needs to know."""
        return {
            "name": self.name, "texts": self.texts_of(peer), "dim": self.dim, "route": self.route_of(peer),
            "bad": self.bad, "requests_per_minute": round(60 * self.per_s),
        }

    @cached_property
    def least_requests(self) -> int:
        """How many it takes to halve refused batches until the bad texts stand alone."""
        return sum(
            _halvings(start, min(start + _BAD_BATCH, self.texts), frozenset(self.bad))
            for start in range(0, self.texts, _BAD_BATCH)
        )

    @property
    def ideal_s(self) -> float | None:
        """What the quota alone makes of these requests, the burst taken off; None without a quota."""
        return (self.least_requests - self.per_s) / self.per_s + LATENCY_S if self.per_s else None


def _halvings(start: int, stop: int, bad: frozenset[int]) -> int:
    if stop - start == 1 or bad.isdisjoint(range(start, stop)):
        return 1
    middle = (start + stop) // 2
    return 1 + _halvings(start, middle, bad) + _halvings(middle, stop, bad)


def jobs(*, quick: bool) -> dict[str, Job]:
    """All jobs by name; with `quick` little of each."""
    backfill, bad_texts = (20_000, 2_000) if quick else (1_000_000, 20_000)
    everything = (
        Job("backfill", "from a generator into a memory map, 384 floats each, 100 a request", backfill, 384,
            route="100x384_base64"),
        Job("bad_texts", "1 % of them bad, 32 a request, 200 requests a second", bad_texts, DIM, bad_share=0.01,
            per_s=200.0),
    )
    return {job.name: job for job in everything}


@dataclass(frozen=True, slots=True)
class Row:
    """One client's program for one job: medians over the rounds, but of the rows that are kept the fewest.

    Seconds are those of the whole job, also where a part was measured.
    """

    job: Job
    peer: str
    seconds: float
    cpu_s: float
    peak_mb: float
    grown_mb: float
    kept: int
    lines: int
    requests: dict[str, int]
    failure: str

    @property
    def kept_pct(self) -> float:
        """Of the rows that there are to get."""
        return 100 * self.kept / (self.job.texts_of(self.peer) - len(self.job.bad))

    @property
    def measured(self) -> bool:
        """Whether that was all of the job."""
        return self.job.texts_of(self.peer) == self.job.texts


def rows(wanted: Iterable[Job], measurements: list[dict[str, Any]]) -> list[Row]:
    """One for each job and client that was measured."""
    made = []
    for job in wanted:
        for peer in CLIENTS:
            runs = [
                each for each in measurements if (each["job"], each["peer"]) == (job.name, peer) and "error" not in each
            ]
            if runs:
                made.append(_row(job, peer, runs))
    return made


def _row(job: Job, peer: str, runs: list[dict[str, Any]]) -> Row:
    worst = min(runs, key=lambda run: run["kept"])
    parts = job.texts / job.texts_of(peer)
    return Row(
        job, peer,
        seconds=parts * median(run["wall_s"] for run in runs),
        cpu_s=parts * median(run["cpu_s"] for run in runs),
        peak_mb=median(run["peak_mb"] for run in runs),
        grown_mb=median(run["peak_mb"] - run["before_mb"] for run in runs),
        kept=worst["kept"],
        lines=worst["lines"],
        requests=worst.get("requests", {}),
        failure=worst["failure"],
    )


_COLUMNS = (
    "client", "seconds", "CPU s", "µs a text", "peak MB", "above the start", "answers kept", "requests", "refused",
    "lines",
)


def text(table: list[Row]) -> str:
    """A block for each job, a line for each client."""
    blocks = []
    for job in dict.fromkeys(row.job for row in table):
        lines = [_COLUMNS, *(_cells(row) for row in table if row.job is job)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = ["  " + "  ".join(map(str.rjust, line, widths)) for line in lines]
        failures = [f"  {CLIENTS[row.peer]}: {row.failure[:160]}" for row in table if row.job is job and row.failure]
        blocks.append("\n".join([f"\n{_title(job)}", *shown, *_notes(job, table), *failures]))
    return "\n".join(blocks)


def markdown(table: list[Row]) -> str:
    """A table for each job."""
    blocks = []
    for job in dict.fromkeys(row.job for row in table):
        lines = [_COLUMNS, ("---", *["---:"] * (len(_COLUMNS) - 1)), *(_cells(row) for row in table if row.job is job)]
        shown = markdown_table(lines)
        blocks.append("\n".join([f"{_title(job)}:", "", shown, *(f"\n\\{note}" for note in _notes(job, table))]))
    return "\n\n".join(blocks)


def _title(job: Job) -> str:
    title = f"{spaced(job.texts)} texts, {job.about}"
    if job.ideal_s is None:
        return title
    return f"{title}; the quota takes {short(job.ideal_s)} s for {spaced(job.least_requests)} requests"


def _notes(job: Job, table: list[Row]) -> list[str]:
    parts = dict.fromkeys(job.texts_of(row.peer) for row in table if row.job is job and not row.measured)
    return [f"* extrapolated from {spaced(texts)} texts." for texts in parts]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        CLIENTS[row.peer],
        short(row.seconds) + ("" if row.measured else "*"),
        short(row.cpu_s) + ("" if row.measured else "*"),
        short(row.seconds / row.job.texts * 1e6),
        f"{row.peak_mb:.0f}",
        f"{row.grown_mb:+.0f}",
        f"{row.kept_pct:.3g} %",
        spaced(row.requests["answered"] + row.requests["bad"]) if row.requests else "-",
        spaced(row.requests["refused"]) if row.requests else "-",
        str(row.lines),
    )

