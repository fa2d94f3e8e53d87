"""An Arrow IPC file, which programs map into memory."""

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


class ArrowFile(Output):
    """A file of record batches, to be mapped into memory."""

    def __init__(self, path: Path, table: Table) -> None:
        super().__init__(path, table)
        self._batches = ArrowTable(table)
        self._writer: Any = None

    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        batch = self._batches.batch(rows, results, errors)
        if self._writer is None:
            self._writer = pyarrow(WRITING, "pyarrow.ipc").new_file(str(self.path), batch.schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
        durable.sync(self.path)
