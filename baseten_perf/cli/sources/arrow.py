"""Parquet and Arrow IPC files, a batch of rows at a time."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from ..extras import pyarrow
from ..failure import USAGE, Failure
from .opened import opened
from .row import Columns, Row

if TYPE_CHECKING:
    from .inputs import Input

BATCH = 4096  # rows
IPC_FILE = b"ARROW1"


def parquet_rows(name: str, file: BinaryIO, columns: Columns) -> Iterator[Row]:
    """What each row of a Parquet file makes, numbered from 1."""
    with arrow_errors(name):
        table = parquet_file(name, file)
        check(name, table.schema_arrow, columns)
        yield from rows(name, table.iter_batches(BATCH, columns=columns.needed), columns)


def ipc_rows(name: str, file: BinaryIO, columns: Columns) -> Iterator[Row]:
    """What each row of an Arrow IPC file or stream makes, numbered from 1."""
    with arrow_errors(name):
        schema, batches = ipc_file(name, file)
        check(name, schema, columns)
        yield from rows(name, batches, columns)


def parquet_file(name: str, file: BinaryIO) -> Any:
    """A Parquet file; one that cannot be sought in is read as a whole."""
    parquet = pyarrow(f"reading {name}", "pyarrow.parquet")
    return parquet.ParquetFile(file if file.seekable() else io.BytesIO(file.read()))


def ipc_file(name: str, file: BinaryIO) -> tuple[Any, Iterable[Any]]:
    """Schema and record batches of an IPC file or stream."""
    ipc = pyarrow(f"reading {name}", "pyarrow.ipc")
    if file.peek(len(IPC_FILE))[: len(IPC_FILE)] != IPC_FILE:  # type: ignore[attr-defined]
        stream = ipc.open_stream(file)
        return stream.schema, stream
    whole = ipc.open_file(file if file.seekable() else io.BytesIO(file.read()))
    return whole.schema, map(whole.get_batch, range(whole.num_record_batches))


@contextlib.contextmanager
def arrow_errors(name: str) -> Iterator[None]:
    """Make a Failure of what pyarrow raises in the block."""
    arrow_exception = pyarrow(f"reading {name}").ArrowException
    try:
        yield
    except arrow_exception as error:
        raise Failure(f"cannot read {name}: {error}", USAGE) from None


def check(name: str, schema: Any, columns: Columns) -> None:
    """Failure when a column is missing."""
    missing = [column for column in columns.needed or () if column not in schema.names]
    if missing:
        raise Failure(f"{name}: no column {missing[0]!r} among {', '.join(schema.names)}", USAGE)


def rows(name: str, batches: Iterable[Any], columns: Columns) -> Iterator[Row]:
    """What the rows of record batches make."""
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            part = batch.slice(start, BATCH)
            for record in (part if columns.needed is None else part.select(columns.needed)).to_pylist():
                number += 1
                row = columns.row(record, name, number)
                if row is not None:
                    yield row


def types(one: Input, columns: Columns) -> dict[str, Any]:
    """The Arrow types of the columns that are carried along, by the names that they get."""
    with opened(one) as file:
        if one.kind == "parquet":
            schema = parquet_file(one.name, file).schema_arrow
        else:
            schema, _ = ipc_file(one.name, file)
        return {name: schema.field(column).type for name, column in columns.carried.items()}
