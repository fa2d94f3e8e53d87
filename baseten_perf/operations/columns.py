"""Columns: ordered collections in one dimension, of whatever library. None of the libraries is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..late import load

if TYPE_CHECKING:
    from ._arrow import ArrowTexts

    # What operations on several inputs hold: plain str, or lists of token ids; or texts where Arrow has them.
    Inputs: TypeAlias = list[Any] | ArrowTexts


def listed(value: Any) -> list[Any] | None:
    """The elements of a sequence or of a column, in order, in a list of their own; None for what is neither.

    Sequences are those of collections.abc, except for str, bytes and memoryview. A column has a `shape` of one
    dimension and gives its elements as a list (numpy arrays, the Series and Index of pandas, the Series of polars); or
    it gives strings by Arrow's PyCapsule protocol (the arrays of pyarrow). Not mappings, sets, iterators, data frames.
    """
    if type(value) is list or type(value) is tuple:
        return list(value)
    found = elements(value)
    return found if found is None or type(found) is list else list(found)


def elements(value: Any) -> Inputs | None:
    """The same, where Arrow has texts without a gap, as these: they are not copied."""
    if type(value) is list or type(value) is tuple:
        return list(value)
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return None
    if isinstance(value, Sequence):
        return list(value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        if len(shape) != 1:
            return None
        texts = _texts(value) if _is_of_arrow(value) else None
        if texts is not None and type(texts) is not list:
            return texts
        members = getattr(value, "tolist", None) or getattr(value, "to_list", None)
        return list(members()) if callable(members) else None
    if not isinstance(value, type) and (hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")):
        return _texts(value)
    return None


def _texts(column: Any) -> Inputs | None:
    found: Inputs | None = load("baseten_perf.operations._arrow").texts(column)
    return found


def _is_of_arrow(series: Any) -> bool:
    """Whether it is a Series of strings that Arrow has: of polars, or of pandas when it stores them in pyarrow."""
    dtype = getattr(series, "dtype", None)
    is_stored = str(dtype) == "String" or getattr(dtype, "storage", None) == "pyarrow"
    return is_stored and hasattr(series, "__arrow_c_stream__")
