"""A dict of numpy arrays: the batches of Ray Data, datasets and map functions written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...operations.columns import listed
from ..columns import Column, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Arrays:
    """Vectors are a 2-D float32 array, NaN where there is none; numbers are float64; all else are arrays of objects."""

    def __init__(self, batch: Mapping[str, Any]) -> None:
        self._batch = batch

    @property
    def names(self) -> list[str]:
        return list(self._batch)

    def values(self, name: str) -> list[Any]:
        values = listed(self._batch[name])
        if values is None:
            raise TypeError(f"column {name!r} must be a sequence or an array, not {type(self._batch[name]).__name__}")
        return values

    def with_columns(self, columns: Mapping[str, Column]) -> dict[str, Any]:
        return {**self._batch, **{name: _array(column) for name, column in columns.items()}}


def table(batch: Mapping[str, Any]) -> Arrays:
    return Arrays(batch)


def _array(column: Column) -> NDArray[Any]:
    if isinstance(column, Vectors):
        return objects([None] * len(column.present)) if column.matrix is None else column.matrix
    if column.element == "number":
        return np.array(column.values, dtype=np.float64)  # of None it makes NaN
    if column.element == "numbers":
        return objects([None if value is None else np.array(value, dtype=np.float64) for value in column.values])
    return objects(column.values)


def objects(values: list[Any]) -> NDArray[Any]:
    """An array of these objects, which numpy would take apart where they are sequences of one length."""
    return np.fromiter(values, dtype=object, count=len(values))
