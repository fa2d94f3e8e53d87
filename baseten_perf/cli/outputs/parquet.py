"""Parquet: a folder of part files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import durable
from ..extras import pyarrow
from ..failure import Lack
from ..sources import Row
from .arrow_table import ArrowTable
from .output import WRITING, Output, Table

PART_ROWS = 1 << 18
GROUP_ROWS = 1 << 14


class ParquetParts(Output):
    """part-00000.parquet and so on, PART_ROWS rows each, in the order of the rows."""

    def __init__(self, path: Path, table: Table) -> None:
        super().__init__(path, table)
        path.mkdir()
        self._batches = ArrowTable(table)
        self._held: list[Any] = []
        self._held_rows = 0
        self._parts = self._rows = 0  # of the part that is open
        self._writer: Any = None

    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        self._held.append(self._batches.batch(rows, results, errors))
        self._held_rows += len(rows)
        if self._held_rows >= GROUP_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        table = self._batches.pyarrow.Table.from_batches(self._held)
        self._held, self._held_rows = [], 0
        if self._writer is None:
            self._part = self.path / f"part-{self._parts:05}.parquet"
            self._writer = pyarrow(WRITING, "pyarrow.parquet").ParquetWriter(self._part, table.schema)
        self._writer.write_table(table, GROUP_ROWS)
        self._rows += table.num_rows
        if self._rows >= PART_ROWS:
            self._end_part()

    def _end_part(self) -> None:
        self._writer.close()
        durable.sync(self._part)
        self._writer, self._rows = None, 0
        self._parts += 1

    def close(self) -> None:
        if self._held:
            self._write_group()
        if self._writer is not None:
            self._end_part()
        durable.sync(self.path)
