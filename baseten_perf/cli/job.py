"""Job: rows of inputs through a client's stream into an output, so that another run can go on where this one ends."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import durable, options, outputs
from .checkpoint import HASHES, INPUT, OUTPUT, Checkpoint
from .failure import INTERRUPTED, USAGE, Failure, Lack, client_errors, failure, lack, written
from .hashes import Hashes
from .kinds import STANDARD
from .progress import Progress, progress
from .ranges import runs
from .results import Vectors
from .sent import Sent
from .sources import Inputs, Row, raw
from .tally import Tally
from .task import Task

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient

CHUNK = 4096  # rows of an output that are made at a time


def run(kind_of_task: type[Task], arguments: argparse.Namespace, kinds: tuple[str, ...], **columns: Any) -> int:
    """Run the command that does this with the rows of its inputs, into an output of one of these kinds; its exit code.

    `columns` are those of options.inputs.
    """
    key = options.api_key(arguments)
    kind = options.kind_of_output(arguments, kinds)
    inputs = options.inputs(arguments, **columns)
    return Job(kind_of_task(arguments), inputs, arguments, kind).run(key)


class Job:
    """A run of a command.

    Parameters:
        task: what is done with the rows.
        inputs: the rows.
        arguments: what the command line says of server, requests, output, checkpoint and failures.
        kind: of the output.
    """

    def __init__(self, task: Task, inputs: Inputs, arguments: argparse.Namespace, kind: str) -> None:
        self.task = task
        self.inputs = inputs
        self.kind = kind
        self.base_url: str = arguments.base_url
        self.preference = options.preference(arguments)
        self.limits = options.limits(arguments)
        self.output: str = arguments.output
        self.skips: bool = arguments.on_error == "skip"
        self.resume: bool = arguments.resume
        self.restart: bool = arguments.restart
        self.interval: float = arguments.checkpoint_interval
        self.tally = Tally()
        if self.output != STANDARD:
            inputs.spare(self.output)
        self._seen: dict[str, set[type]] = {name: set() for name in inputs.columns.carried}
        for name in inputs.columns.carried.keys() & {task.result, "error"}:
            raise Failure(f"--keep {name}: results have a column of that name", USAGE)

    def run(self, key: str) -> int:
        """Do it all, and tell what has been done; the exit code of the command. Failure when it cannot be done."""
        from baseten_perf import PerformanceClient

        start = time.monotonic()
        with client_errors():
            client = PerformanceClient(self.base_url, api_key=key, preference=self.preference, **self.limits)
        with client:
            tally = self._run(client)
        return tally.end(self.output, self.task.shape, self.task.unit, time.monotonic() - start)

    def _run(self, client: PerformanceClient) -> Tally:
        """Failure, or KeyboardInterrupt, when it ends before all rows are done; what is done is kept."""
        if self.output == STANDARD:
            return self._pass_through(client)
        outputs.check(Path(self.output), self.kind)
        with Checkpoint(self.output, self.task.results, self.task.identity(), self.interval) as checkpoint:
            checkpoint.open(self.resume, self.restart)
            if checkpoint.complete:
                self.tally.rows = checkpoint.rows or 0
            else:
                try:
                    with written(checkpoint.shown):
                        self._finish(client, checkpoint)
                except (Failure, KeyboardInterrupt) as ended:
                    self._keep(checkpoint, ended)
                    raise
            if not self.tally.missing:
                checkpoint.discard()
            return self.tally

    def _finish(self, client: PerformanceClient, checkpoint: Checkpoint) -> None:
        self._take_in_passing(checkpoint)
        hashes = Hashes(checkpoint.folder / HASHES, f"--restart begins {self.output} anew")
        rows = self._surveyed(self.inputs.rows())
        for _ in hashes.compare(rows) if checkpoint.rows is not None else hashes.write(rows):
            pass
        if not self.tally.rows:
            raise Failure(f"{self.inputs.inputs[0].name} is empty: there is nothing to do", USAGE)
        checkpoint.begin(self.tally.rows)
        self._fill(client, checkpoint, hashes)
        checkpoint.stop()
        self._publish(checkpoint, hashes)

    def _surveyed(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, while they are counted and looked at."""
        for row in rows:
            self.task.check(row)
            self.tally.rows += 1
            for name, value in zip(self._seen, row.carried, strict=True):
                if value is not None:
                    self._seen[name].add(type(value))
            yield row

    def _take_in_passing(self, checkpoint: Checkpoint) -> None:
        """Copy what can be read only once, since rows are read up to three times."""
        for number, one in enumerate(self.inputs.passing):
            path = checkpoint.folder / (f"{INPUT}.{number}" if number else INPUT)
            with open(path, "wb") as file, raw(one) as passing:
                shutil.copyfileobj(passing, file)
            self.inputs.replace(one, str(path))

    def _fill(self, client: PerformanceClient, checkpoint: Checkpoint, hashes: Hashes) -> None:
        """Get the results that are missing."""
        finished = checkpoint.finished.copy()
        if len(finished) == self.tally.rows:
            return
        rows = enumerate(hashes.compare(self.inputs.rows()))
        sent = Sent((one for one in rows if one[0] not in finished), self.task.value)
        with progress(self.tally.rows, self.task.unit, initial=len(finished)) as shown:
            for batch in self._batches(client, sent, ordered=False):
                numbers, results = self._sorted_out(batch, sent.take(batch.start, batch.stop), shown)
                if numbers:
                    self.task.results.keep(numbers, results)
                    checkpoint.keep(runs(numbers))

    def _batches(self, client: PerformanceClient, sent: Sent, ordered: bool) -> Iterator[Any]:
        """The batches of the stream. Failure, which names the rows, when it ends for some of them."""
        try:
            with self.task.stream(client, sent.values(), ordered, self.skips) as stream:
                yield from stream
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise failure(error, sent.where(getattr(error, "inputs", ()))) from error

    def _sorted_out(
        self, batch: Any, rows: Sequence[tuple[int, Row]], shown: Progress
    ) -> tuple[list[int], Sequence[Any]]:
        """Numbers and results of the rows of a batch that have a result; the others are tallied."""
        errors = batch.errors
        lacks: dict[int, Lack] = {}  # one for rows that have failed together
        numbers, places = [], []
        for place, (number, row) in enumerate(rows):
            error = errors.get(batch.start + place)
            if error is None:
                numbers.append(number)
                places.append(place)
            else:
                if id(error) not in lacks:
                    lacks[id(error)] = lack(error)
                self.tally.miss(number, row, lacks[id(error)])
        usage = getattr(batch, "usage", None)
        self.tally.tokens += usage.total_tokens if usage is not None else 0
        self.tally.done += len(numbers)
        shown.advance(len(numbers), len(rows) - len(numbers))
        return numbers, self.task.values(batch, places) if places else ()

    def _publish(self, checkpoint: Checkpoint, hashes: Hashes) -> None:
        """Make the output of the results, and put it in its place."""
        made = checkpoint.folder / OUTPUT
        results = self.task.results
        if isinstance(results, Vectors) and self.kind == "npy":
            self._publish_vectors(checkpoint, results, made)
            return
        durable.remove(made)
        output = self.task.output(self.kind, made, self._table())
        for rows, found, errors in self._chunks(hashes):
            output.write(rows, found, errors)
        output.close()
        self.task.publish(made, checkpoint.output)

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

    def _chunks(self, hashes: Hashes) -> Iterator[tuple[list[Row], Sequence[Any], dict[int, Lack]]]:
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
        sent = Sent(enumerate(self._surveyed(self.inputs.rows())), self.task.value)
        with progress(None, self.task.unit) as shown:
            for batch in self._batches(client, sent, ordered=True):
                rows = sent.take(batch.start, batch.stop)
                found = dict(zip(*self._sorted_out(batch, rows, shown), strict=True))
                errors = {n: self.tally.missing[number] for n, (number, _) in enumerate(rows) if number not in found}
                output.write([row for _, row in rows], [found.get(number) for number, _ in rows], errors)
        return self.tally

    def _keep(self, checkpoint: Checkpoint, ended: Failure | KeyboardInterrupt) -> None:
        """Keep what there is when something has ended the run. Failure, which tells of it; else the folder goes."""
        checkpoint.stop()
        done = len(checkpoint.finished)
        if not done:
            checkpoint.discard()
        elif not isinstance(ended, Failure) or ended.code != USAGE:
            message, code = (str(ended), ended.code) if isinstance(ended, Failure) else ("interrupted", INTERRUPTED)
            kept = f"{done} of {checkpoint.rows} rows are kept in {checkpoint.shown}"
            raise Failure(f"{message}\n  {kept}: --resume goes on with them", code) from ended
