"""A polars DataFrame as a Table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ..columns import Column, Vectors

TYPES: dict[str, Any] = {"text": pl.String(), "number": pl.Float64(), "numbers": pl.List(pl.Float64())}


class Frame:
    """Vectors are a column of Array(Float32, dimension), with nulls."""

    def __init__(self, batch: pl.DataFrame) -> None:
        self._batch = batch

    @property
    def names(self) -> list[str]:
        return self._batch.columns

    def values(self, name: str) -> list[Any]:
        return self._batch[name].to_list()

    def with_columns(self, columns: Mapping[str, Column]) -> pl.DataFrame:
        return self._batch.with_columns([_series(name, column) for name, column in columns.items()])


def table(batch: Any) -> Frame | None:
    return Frame(batch) if isinstance(batch, pl.DataFrame) else None


def _series(name: str, column: Column) -> pl.Series:
    if not isinstance(column, Vectors):
        return pl.Series(name, column.values, dtype=TYPES[column.element])
    if column.matrix is None:
        return pl.Series(name, [None] * len(column.present))
    rows = pl.Series(name, column.matrix, dtype=pl.Array(pl.Float32, column.matrix.shape[1]))
    if column.present.all():
        return rows
    present = pl.Series(column.present)
    return pl.select(pl.when(present).then(rows).alias(name)).to_series()
