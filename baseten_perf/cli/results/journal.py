"""Journal: results of any form as lines of JSON, in the order in which they came."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from .. import durable
from ..failure import Failure
from ..ranges import Ranges
from .results import Results

ABSENT = -1


class Journal(Results):
    """Lines `[row, result]`, appended. After a crash the last ones may be torn: reading ends before the first such."""

    file = "results.jsonl"

    def __init__(self) -> None:
        self._descriptor = -1

    def open(self, folder: Path, rows: int, finished: Ranges) -> Ranges:
        path = folder / self.file
        self._offsets = array("q", [ABSENT]) * rows
        self._end = 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        found = Ranges()
        with open(path, "rb") as lines:
            for line in lines:
                kept = row_of(line, rows)
                if kept is None:
                    break
                number, result = kept
                self._seen(result)
                found.add(number, number + 1)
                self._offsets[number] = self._end
                self._end += len(line)
        os.ftruncate(self._descriptor, self._end)
        if any(number not in found for run in finished for number in range(*run)):
            raise Failure(f"{path} is damaged: it lacks rows that the checkpoint names")
        return found

    def keep(self, numbers: Sequence[int], values: Sequence[Any]) -> None:
        lines = [orjson.dumps(pair, option=orjson.OPT_APPEND_NEWLINE) for pair in zip(numbers, values, strict=True)]
        durable.write_all(self._descriptor, b"".join(lines), self._end)
        for number, value, line in zip(numbers, values, lines, strict=True):
            self._seen(value)
            self._offsets[number] = self._end
            self._end += len(line)

    def _seen(self, result: Any) -> None:
        """Learn from a result that is kept now, or that an earlier run has kept, what is needed to read the others."""

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def read(self, start: int, stop: int) -> list[Any]:
        with open(self._descriptor, "rb", closefd=False) as lines:
            return [self._result(lines, number) for number in range(start, stop)]

    def _result(self, lines: Any, number: int) -> Any:
        if self._offsets[number] == ABSENT:
            return None
        if lines.tell() != self._offsets[number]:
            lines.seek(self._offsets[number])
        return orjson.loads(lines.readline())[1]

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def row_of(line: bytes, rows: int) -> tuple[int, Any] | None:
    """The number and the result of the row that a line is of; None when the line is torn."""
    try:
        number, result = orjson.loads(line)
    except (ValueError, TypeError):
        return None
    return (number, result) if line.endswith(b"\n") and type(number) is int and 0 <= number < rows else None
