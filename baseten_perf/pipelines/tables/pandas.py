"""A pandas DataFrame as a Table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..columns import Column, Vectors
from .arrays import objects


class Frame:
    """Vectors are a column of float32 arrays, which share one matrix; None where there is none."""

    def __init__(self, batch: pd.DataFrame) -> None:
        self._batch = batch

    @property
    def names(self) -> list[str]:
        return list(self._batch.columns)

    def values(self, name: str) -> list[Any]:
        return list(self._batch[name].tolist())

    def with_columns(self, columns: Mapping[str, Column]) -> pd.DataFrame:
        index = self._batch.index
        return self._batch.assign(**{name: _series(column, index) for name, column in columns.items()})


def table(batch: Any) -> Frame | None:
    return Frame(batch) if isinstance(batch, pd.DataFrame) else None


def _series(column: Column, index: Any) -> pd.Series[Any]:
    if isinstance(column, Vectors):
        rows: list[Any] = [None] * len(column.present)
        if column.matrix is not None:
            rows = [row if there else None for row, there in zip(column.matrix, column.present, strict=True)]
        return pd.Series(objects(rows), index=index, dtype=object)
    if column.element == "number":
        return pd.Series(column.values, index=index, dtype="float64")
    return pd.Series(objects(column.values), index=index, dtype=object)
