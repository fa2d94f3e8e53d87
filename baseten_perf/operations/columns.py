"""Columns: ordered collections in one dimension, of whatever library, as lists. None of the libraries is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..late import load


def listed(value: Any) -> list[Any] | None:
    """The elements of a sequence or of a column, in order, in a list of their own; None for what is neither.

    Sequences are those of collections.abc, except for str, bytes and memoryview. A column has a `shape` of one
    dimension and gives its elements as a list (numpy arrays, the Series and Index of pandas, the Series of polars); or
    it gives strings by Arrow's PyCapsule protocol (the arrays of pyarrow). Not mappings, sets, iterators, data frames.
    """
    if type(value) is list or type(value) is tuple:
        return list(value)
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return None
    if isinstance(value, Sequence):
        return list(value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        elements = getattr(value, "tolist", None) or getattr(value, "to_list", None)
        return list(elements()) if len(shape) == 1 and callable(elements) else None
    if not isinstance(value, type) and (hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")):
        strings: list[Any] | None = load("baseten_perf.operations._arrow").strings(value)
        return strings
    return None
