"""A pyarrow Table or RecordBatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import Column, Vectors

TYPES = {"text": pa.string(), "number": pa.float64(), "numbers": pa.list_(pa.float64())}
MOST_NUMBERS = 2**31 - 1  # in lists of no fixed size, whose offsets have 32 bits


class Columnar:
    """Vectors are lists of float32 over the matrix itself: of a fixed size, unless some may be null.

    pyarrow cannot read null lists of a fixed size from Parquet ("Expected all lists to be of size").
    """

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    @property
    def names(self) -> list[str]:
        return list(self._batch.schema.names)

    def values(self, name: str) -> list[Any]:
        return list(self._batch.column(name).to_pylist())

    def with_columns(self, columns: Mapping[str, Column]) -> Any:
        arrays = dict(zip(self.names, self._batch.columns, strict=True))
        fields = {field.name: field for field in self._batch.schema}
        for name, column in columns.items():
            arrays[name] = _array(column)
            fields[name] = pa.field(name, arrays[name].type)
        schema = pa.schema(list(fields.values()), metadata=self._batch.schema.metadata)
        return type(self._batch).from_arrays(list(arrays.values()), schema=schema)


def table(batch: Any) -> Columnar | None:
    return Columnar(batch) if isinstance(batch, (pa.Table, pa.RecordBatch)) else None


def _array(column: Column) -> Any:
    if not isinstance(column, Vectors):
        return pa.array(column.values, TYPES[column.element])
    return vectors_array(column)


def vectors_array(vectors: Vectors) -> Any:
    """Lists of float32 over the matrix itself. Raises ValueError for too many."""
    if vectors.matrix is None:
        return pa.nulls(len(vectors.present), pa.list_(pa.float32()))
    rows, dimension = vectors.matrix.shape
    numbers = pa.array(vectors.matrix.reshape(-1))
    if not vectors.nullable:
        return pa.FixedSizeListArray.from_arrays(numbers, dimension)
    if rows * dimension > MOST_NUMBERS:
        raise ValueError(f"{rows} vectors of {dimension} numbers are too many for an Arrow array; take smaller batches")
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * dimension)
    missing = None if vectors.present.all() else pa.array(~vectors.present)
    return pa.ListArray.from_arrays(offsets, numbers, mask=missing)
