"""Checkpoint: the folder beside an output that is not whole yet, from which another run goes on."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from . import durable
from .failure import USAGE, Failure, written
from .ranges import Ranges
from .results import Results

FORMAT = 2
FILE, HASHES, INPUT, OUTPUT = "checkpoint.json", "rows", "input", "output"
# What all names in the folder begin with.
STEMS = {"checkpoint", HASHES, INPUT, OUTPUT, "vectors", "results"}


class Checkpoint:
    """What a run has done so far, kept in the folder `OUT.partial`.

    checkpoint.json holds the format, what makes the results (URL, model, ...), how many rows there are, and which are
    finished; it is replaced every `interval` seconds by a thread, after the results that it names have been synced.
    `rows` holds a hash of each row of the inputs (rows.py), `input` what standard input gave, `output` the output while
    it is made. The results lie in a file of their own (results/).

    A lock on the folder keeps a second run out; the system opens it when the process ends, however that happens.
    """

    def __init__(self, output: str, results: Results, identity: Mapping[str, Any], interval: float) -> None:
        self.output = Path(os.path.abspath(output))
        self._given = output
        self.folder = self.output.with_name(f"{self.output.name}.partial")
        self.results = results
        self.finished = Ranges()
        self.rows: int | None = None
        self._identity = dict(identity)
        self._interval = interval
        self._lock = threading.Lock()  # guards `finished`
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="baseten-perf checkpoint", daemon=True)
        self._failure: OSError | None = None
        self._descriptor = -1

    @property
    def shown(self) -> str:
        """The folder as messages name it."""
        return os.path.relpath(self.folder)

    def open(self, resume: bool, restart: bool) -> None:
        """Begin, or go on where an earlier run has ended.

        Failure when the folder is another's or in use, when it holds results and `resume` is not asked for, or when it
        was begun for something else.
        """
        with written(self._given, USAGE):
            self.folder.mkdir(exist_ok=True)
            self._descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(f"another process works on {self.shown}", USAGE) from None
        strange = {name for name in os.listdir(self.folder) if name.partition(".")[0] not in STEMS}
        if strange:
            raise Failure(f"{self.shown} holds files that are no checkpoint's: {', '.join(sorted(strange))}", USAGE)
        state = None if restart else self._state()
        if state is not None and state["finished"]:
            if not resume:
                raise Failure(
                    f"{self.shown} holds {len(Ranges(state['finished']))} of {state['rows']} rows of an earlier run: "
                    "--resume goes on with it, --restart throws it away", USAGE,
                )  # fmt: skip
            self._compare(state["identity"])
            self.rows = state["rows"]
            self.finished = Ranges(state["finished"])
            return
        if resume and self.output.exists():
            self.discard()
            raise Failure(
                f"{self._given} is there, and there is no unfinished run of it; "
                "remove it, or let --restart replace it", USAGE,
            )  # fmt: skip
        for name in os.listdir(self.folder):
            durable.remove(self.folder / name)

    def _state(self) -> dict[str, Any] | None:
        """What checkpoint.json says; None where there is none, as in a folder whose run was killed at its beginning."""
        try:
            state: dict[str, Any] = orjson.loads((self.folder / FILE).read_bytes())
            version = state["format"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Failure(f"{self.shown}/{FILE} cannot be read ({error}); --restart throws it away", USAGE) from None
        if version != FORMAT:
            raise Failure(f"{self.shown} has format {version}, not {FORMAT}; --restart throws it away", USAGE)
        return state

    def _compare(self, earlier: Mapping[str, Any]) -> None:
        for name in dict.fromkeys([*earlier, *self._identity]):
            before, now = earlier.get(name), self._identity.get(name)
            if before != now:
                raise Failure(
                    f"{self.shown} was begun with {name} {before!r}, not {now!r}; --restart throws it away", USAGE
                )

    @property
    def complete(self) -> bool:
        """Whether an earlier run was killed after its output had come into its place."""
        whole = self.rows is not None and len(self.finished) == self.rows
        return whole and self.output.exists() and not (self.folder / self.results.file).exists()

    def begin(self, rows: int) -> None:
        """The inputs are read and have so many rows: open the results, and write checkpoints from now on."""
        self.rows = rows
        with written(self.shown):
            self.finished = self.results.open(self.folder, rows, self.finished)
            self._write(self.finished)
        self._thread.start()

    def keep(self, numbers: Iterable[tuple[int, int]]) -> None:
        """The results of these runs of rows are written; a later checkpoint names them."""
        with self._lock:
            for start, stop in numbers:
                self.finished.add(start, stop)
        if self._failure is not None:
            raise Failure(f"cannot write {self.shown}: {self._failure.strerror}")

    def _keep_writing(self) -> None:
        named = len(self.finished)
        while not self._ended.wait(self._interval):
            with self._lock:
                finished = self.finished.copy()
            if len(finished) != named:
                try:
                    self._write(finished)
                except OSError as error:
                    self._failure = error
                    return
                named = len(finished)

    def _write(self, finished: Ranges) -> None:
        self.results.sync()
        state = {"format": FORMAT, "identity": self._identity, "rows": self.rows, "finished": [*map(list, finished)]}
        durable.write(self.folder / FILE, orjson.dumps(state))

    def stop(self) -> None:
        """Write a last checkpoint."""
        if self._thread.ident is not None and not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            with written(self.shown):
                self._write(self.finished)

    def discard(self) -> None:
        """Remove the folder; checkpoint.json last, so that a run that is killed here is known to be complete."""
        for name in sorted(os.listdir(self.folder), key=FILE.__eq__):
            durable.remove(self.folder / name)
        self.folder.rmdir()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.results.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
