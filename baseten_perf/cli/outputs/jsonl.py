"""JSON Lines: an object for each row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ..failure import Lack
from ..sources import Row
from .output import Output, Table

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


class JsonLines(Output):
    """A file of lines."""

    def __init__(self, path: Path, table: Table) -> None:
        super().__init__(path, table)
        self._file = open(path, "wb")  # noqa: SIM115

    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        self._file.writelines(lines(self.table, rows, results, errors))

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class JsonStream(Output):
    """Standard output, or another stream that takes lines as they come."""

    def __init__(self, stream: BinaryIO, table: Table) -> None:
        super().__init__(Path(), table)
        self._stream = stream

    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        self._stream.writelines(lines(self.table, rows, results, errors))
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


def lines(table: Table, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> Iterator[bytes]:
    """A line for each row: what it carries along, its result, and the reason where it has none."""
    for place, (row, result) in enumerate(zip(rows, results, strict=True)):
        line = dict(zip(table.carried, row.carried, strict=True))
        line[table.result] = None if place in errors else result
        if place in errors:
            line["error"] = errors[place].message
        yield orjson.dumps(line, default=shown, option=OPTIONS)


def shown(value: Any) -> Any:
    """What JSON has in place of a value of Arrow's that it lacks: bytes and the like as text."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
