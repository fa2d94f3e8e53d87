"""Columns that stages add to a batch, before they take the form that its kind of table gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

Element: TypeAlias = Literal["text", "number", "numbers"]


@dataclass(frozen=True, slots=True)
class Vectors:
    """A vector for each row.

    Parameters:
        matrix: float32 of shape (rows, dimension), C-contiguous; None where no dimension is known, since no row has a
            vector.
        present: bool of shape (rows,): which rows have one; the others hold NaN.
        nullable: whether rows may lack one, in this batch or in others of the job.
    """

    matrix: NDArray[numpy.float32] | None
    present: NDArray[numpy.bool_]
    nullable: bool


@dataclass(frozen=True, slots=True)
class Values:
    """A value for each row: text, a number (float64), or a list of numbers; None where there is none."""

    values: list[Any]
    element: Element


Column: TypeAlias = Vectors | Values
