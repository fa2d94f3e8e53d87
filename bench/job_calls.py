"""The child process of jobs.py: a user's program does a job; which rows it has filled, and how long it took."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.job_programs import program
from bench.server.canned import vectors
from bench.server.picky import LONGEST
from bench.usage import Clocks

Rows = NDArray[numpy.float32]


class WrongAnswer(Exception):
    """A row is neither empty nor what the server said."""


def backfill(run: Callable[..., None], base_url: str, out: Rows, job: dict[str, Any]) -> None:
    """Texts from a generator."""
    run(base_url, (f"text {number + 1}" for number in range(len(out))), out)


def bad_texts(run: Callable[..., None], base_url: str, out: Rows, job: dict[str, Any]) -> None:
    """A list of texts, some of which are too long."""
    texts = [f"text {number + 1}" for number in range(len(out))]
    for number in job["bad"]:
        texts[number] = texts[number].ljust(LONGEST + 1, ".")
    run(base_url, texts, out, job["requests_per_minute"])


def expected(job: dict[str, Any]) -> Iterator[Rows]:
    """What the rows are to be, in blocks that follow each other."""
    if job["route"]:  # canned: the same rows for each batch
        block = vectors(job["route"])
        for _ in range(job["texts"] // len(block)):
            yield block
    else:
        for number in range(job["texts"]):
            yield numpy.full((1, job["dim"]), number + 1, dtype=numpy.float32)


def kept(out: Rows, job: dict[str, Any]) -> int:
    """How many rows are not all zeros, as all were; WrongAnswer when one is something else."""
    count = start = 0
    for right in expected(job):
        rows = out[start : start + len(right)]
        start += len(right)
        filled = rows.any(axis=1)
        if not numpy.array_equal(rows[filled], right[filled]):
            raise WrongAnswer(f"wrong numbers in rows {start - len(right)} to {start - 1}")
        count += int(filled.sum())
    return count


JOBS = {"backfill": backfill, "bad_texts": bad_texts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("job", help="fields of a Job, as a JSON object")
    parser.add_argument("base_url")
    arguments = parser.parse_args()
    job = json.loads(arguments.job)
    run = program(job["name"], arguments.peer).run
    with tempfile.TemporaryFile() as file:
        out = numpy.memmap(file, numpy.float32, "w+", shape=(job["texts"], job["dim"]))
        failure, start, clocks = "", time.monotonic(), Clocks()
        try:
            JOBS[job["name"]](run, arguments.base_url, out, job)
        except Exception as error:  # what the job has kept all the same is its result
            failure = f"{type(error).__name__}: {' '.join(str(error).split())}"
        used = clocks.read()
        print(json.dumps({"start": start, **used, "kept": kept(out, job), "failure": failure}), flush=True)


if __name__ == "__main__":
    main()
