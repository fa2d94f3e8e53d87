"""Repeated: embeddings of a call whose equal inputs were sent once, so that several inputs have the same row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..late import load
from .by_input import EmbeddingsByInput
from .rows import Rows

if TYPE_CHECKING:
    from ._arrow import ArrowVectors


class Repeated(EmbeddingsByInput):
    """The embeddings of a call by input number; none of them is copied before somebody wants an array.

    Parameters:
        rows: the embeddings that came.
        places: for each input, the number of its embedding in `rows`.
    """

    __slots__ = ("_places", "_rows")

    def __init__(self, rows: Rows, places: Sequence[int]) -> None:
        self._rows = rows
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def in_one_block(self) -> bool:
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        return Repeated, (self._rows, self._places)

    def missing(self) -> list[int]:
        missing = set(self._rows.missing())
        return [i for i, place in enumerate(self._places) if place in missing] if missing else []

    def embedding(self, i: int) -> list[float] | str:
        return self._rows.embedding(self._places[i])

    def dim(self, i: int) -> int | None:
        return self._rows.dim(self._places[i])

    def first_dim(self) -> int | None:
        return self._rows.first_dim()

    def is_text(self, i: int) -> bool:
        return self._rows.is_text(self._places[i])

    def object(self, i: int) -> str:
        return self._rows.object(self._places[i])

    def numpy(self, copy: bool | None, nan: bool, last: bool) -> Any:
        """Always a new array, with a row for each input."""
        if not nan:
            self.refuse_missing()
        if copy is False:
            raise ValueError("equal inputs have the same row, so that an array is a copy, which copy=False forbids")
        if not self._rows.in_one_block:
            first: dict[int, int] = {}
            for i, place in enumerate(self._places):
                first.setdefault(place, i)
            self.common_dim(first[place] for place in self._rows.of_each_dim())
        array = self._rows.numpy(False if self._rows.in_one_block else None, True, False)
        return array.take(load("numpy").asarray(self._places), axis=0)

    def arrow(self) -> ArrowVectors:
        """It shows a copy, with a row for each input."""
        kind: type[ArrowVectors] = load("baseten_perf.responses._arrow").ArrowVectors
        array = self.numpy(None, True, False)
        return kind(array, len(self), array.shape[1], self.missing())
