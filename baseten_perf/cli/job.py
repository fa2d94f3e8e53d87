"""Job: rows of inputs through a client's stream into an output, so that another run can go on where this one ends."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import durable, outputs
from .checkpoint import HASHES, INPUT, OUTPUT, Checkpoint
from .failure import INTERRUPTED, USAGE, Failure, meaning, snippet
from .hashes import Hashes
from .kinds import STANDARD
from .progress import Progress, progress
from .ranges import runs
from .results import Vectors
from .sources import Inputs, Row, raw, where
from .tally import Tally
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

CHUNK = 4096  # rows of an output that are made at a time


class Job:
    """A run of a command.

    Parameters:
        task: what is done with the rows.
        inputs: the rows.
        arguments: what the command line says of output, checkpoint and failures.
        kind: of the output.
    """

    def __init__(self, task: Task, inputs: Inputs, arguments: argparse.Namespace, kind: str) -> None:
        self.task = task
        self.inputs = inputs
        self.kind = kind
        self.output: str = arguments.output
        self.skips: bool = arguments.on_error == "skip"
        self.resume: bool = arguments.resume
        self.restart: bool = arguments.restart
        self.interval: float = arguments.checkpoint_interval
        self.tally = Tally()
        self._seen: dict[str, set[type]] = {name: set() for name in inputs.columns.carried}

    def run(self, client: PerformanceClient) -> Tally:
        """Do it all. Failure, or KeyboardInterrupt, when it ends before all rows are done; what is done is kept."""
        if self.output == STANDARD:
            return self._pass_through(client)
        outputs.check(Path(self.output), self.kind)
        with Checkpoint(self.output, self.task.results, self.task.identity(), self.interval) as checkpoint:
            checkpoint.open(self.resume, self.restart)
            if checkpoint.complete:
                self.tally.rows = checkpoint.rows or 0
            else:
                try:
                    self._finish(client, checkpoint)
                except (Failure, KeyboardInterrupt) as ended:
                    raise self._kept(checkpoint, ended) from ended
                except OSError as error:
                    message = f"cannot write {checkpoint.shown}: {error.strerror or error}"
                    raise self._kept(checkpoint, Failure(message)) from error
            if not self.tally.missing:
                checkpoint.discard()
            return self.tally

    def _finish(self, client: PerformanceClient, checkpoint: Checkpoint) -> None:
        self._take_in_passing(checkpoint)
        hashes = Hashes(checkpoint.folder / HASHES, f"--restart begins {self.output} anew")
        rows = self.inputs.rows()
        surveyed = hashes.compare(rows) if checkpoint.rows is not None else hashes.write(rows)
        for row in surveyed:
            self.tally.rows += 1
            for name, value in zip(self._seen, row.carried, strict=True):
                if value is not None:
                    self._seen[name].add(type(value))
        if not self.tally.rows:
            raise Failure(f"{self.inputs.inputs[0].name} is empty: there is nothing to do", USAGE)
        checkpoint.begin(self.tally.rows)
        self._fill(client, checkpoint, hashes)
        checkpoint.stop()
        self._publish(checkpoint, hashes)

    def _take_in_passing(self, checkpoint: Checkpoint) -> None:
        """Copy what can be read only once, since rows are read up to three times."""
        for number, one in enumerate(self.inputs.passing):
            path = checkpoint.folder / (f"{INPUT}.{number}" if number else INPUT)
            with open(path, "wb") as file, raw(one) as passing:
                shutil.copyfileobj(passing, file)
            self.inputs.replace(one, str(path))

    def _fill(self, client: PerformanceClient, checkpoint: Checkpoint, hashes: Hashes) -> None:
        """Get the results that are missing."""
        pending: dict[int, tuple[int, Row]] = {}  # number in the stream: number and row

        def values() -> Iterator[Any]:
            sent = 0
            for number, row in enumerate(hashes.compare(self.inputs.rows())):
                if number not in finished:
                    pending[sent] = number, row
                    sent += 1
                    yield row.value

        finished = checkpoint.finished.copy()
        total = self.tally.rows
        if len(finished) == total:
            return
        with progress(total, self.task.unit, initial=len(finished)) as shown:
            for batch in self._batches(client, values(), pending, ordered=False):
                numbers, results = self._sorted_out(batch, pending, shown)
                if numbers:
                    self.task.results.keep(numbers, results)
                    checkpoint.keep(runs(numbers))

    def _batches(
        self, client: PerformanceClient, values: Iterator[Any], pending: Mapping[int, tuple[int, Row]], ordered: bool
    ) -> Iterator[Any]:
        """The batches of the stream. Failure, which names the rows, when it ends for one of them."""
        try:
            with self.task.stream(client, values, ordered, self.skips) as stream:
                yield from stream
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            rows = [pending[number][1] for number in getattr(error, "inputs", ()) if number in pending]
            place = f"{place_of(rows)}: " if rows else ""
            raise Failure(f"{place}{snippet(meaning(error))}") from error

    def _sorted_out(
        self, batch: Any, pending: dict[int, tuple[int, Row]], shown: Progress
    ) -> tuple[list[int], Sequence[Any]]:
        """Numbers and results of the rows of a batch that have a result; the others are tallied."""
        errors = batch.errors
        reasons: dict[int, str] = {}
        numbers, places = [], []
        for place, number in enumerate(range(batch.start, batch.stop)):
            at, row = pending.pop(number)
            if number in errors:
                error = errors[number]
                if id(error) not in reasons:
                    reasons[id(error)] = snippet(meaning(error))
                self.tally.miss(at, row, reasons[id(error)])
            else:
                numbers.append(at)
                places.append(place)
        usage = getattr(batch, "usage", None)
        self.tally.tokens += usage.total_tokens if usage is not None else 0
        self.tally.done += len(numbers)
        shown.advance(len(numbers), len(batch) - len(numbers))
        return numbers, self.task.values(batch, places) if places else ()

    def _publish(self, checkpoint: Checkpoint, hashes: Hashes) -> None:
        """Make the output of the results, and put it in its place."""
        made = checkpoint.folder / OUTPUT
        results = self.task.results
        if isinstance(results, Vectors) and self.kind == "npy":
            self._publish_vectors(checkpoint, results, made)
            return
        durable.remove(made)
        output = outputs.make(self.kind, made, self._table())
        for rows, found, errors in self._chunks(hashes):
            output.write(rows, found, errors)
        output.close()
        durable.replace(made, checkpoint.output)

    def _publish_vectors(self, checkpoint: Checkpoint, vectors: Vectors, made: Path) -> None:
        path = checkpoint.folder / vectors.file
        if vectors.shape is None:
            raise Failure(self.tally.told())
        if self.tally.missing:
            # A later run goes on with the file, so the output is a copy.
            vectors.blank(checkpoint.finished.gaps(self.tally.rows))
            shutil.copyfile(path, made)
            durable.sync(made)
            path = made
        durable.move(path, checkpoint.output)

    def _chunks(self, hashes: Hashes) -> Iterator[tuple[list[Row], Sequence[Any], dict[int, str]]]:
        """All rows with their results, so many at a time."""
        rows = hashes.compare(self.inputs.rows())
        start = 0
        missing = self.tally.missing
        while part := list(islice(rows, CHUNK)):
            numbers = range(start, start + len(part))
            errors = {n - start: missing[n] for n in numbers if n in missing} if missing else {}
            yield part, self.task.results.read(start, start + len(part)), errors
            start += len(part)

    def _table(self) -> outputs.Table:
        carried = tuple(self.inputs.columns.carried)
        declared = self.inputs.arrow_types() if self.kind in outputs.ARROW else {}
        return outputs.Table(carried, self._seen, self.task.result, self.task.type, self.skips, declared)

    def _pass_through(self, client: PerformanceClient) -> Tally:
        """Rows to standard output, in their order, as they come."""
        output = outputs.JsonStream(sys.stdout.buffer, self._table())
        pending: dict[int, tuple[int, Row]] = {}

        def values() -> Iterator[Any]:
            for number, row in enumerate(self.inputs.rows()):
                self.tally.rows += 1
                pending[number] = number, row
                yield row.value

        with progress(None, self.task.unit) as shown:
            for batch in self._batches(client, values(), pending, ordered=True):
                rows = [pending[number][1] for number in range(batch.start, batch.stop)]
                numbers, results = self._sorted_out(batch, pending, shown)
                found: dict[int, Any] = dict(zip(numbers, results, strict=True))
                missing = self.tally.missing
                places = range(batch.start, batch.stop)
                errors = {place: missing[number] for place, number in enumerate(places) if number in missing}
                output.write(rows, [found.get(number) for number in places], errors)
        return self.tally

    def _kept(self, checkpoint: Checkpoint, ended: Failure | KeyboardInterrupt) -> BaseException:
        """What is raised instead of the exception that has ended the run: it tells what is kept. Else nothing is."""
        checkpoint.stop()
        done = len(checkpoint.finished)
        if not done:
            checkpoint.discard()
            return ended
        code = ended.code if isinstance(ended, Failure) else INTERRUPTED
        message = str(ended) if isinstance(ended, Failure) else "interrupted"
        if done and checkpoint.rows is not None and code != USAGE:
            message += (
                f"\n  {done} of {checkpoint.rows} rows are kept in {checkpoint.shown}: --resume goes on with them"
            )
        return Failure(message, code)


def place_of(rows: Sequence[Row]) -> str:
    """Where some rows stand, from the first to the last."""
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return where(first)
    return f"{where(first)} to {last.number if first.name == last.name else where(last)}"
