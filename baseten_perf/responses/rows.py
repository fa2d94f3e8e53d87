"""Rows: the embeddings of an operation by input number, wherever they lie; made into Python objects one at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, cast

from ..late import load
from .by_input import EmbeddingsByInput
from .float_rows import FloatRows

if TYPE_CHECKING:
    from ..protocols import Matrix, Vectors
    from ._arrow import ArrowVectors

# An item of an irregular batch: k >= 0 is vector k, to be shown as floats; -1 - k is vector k, to be shown as base64;
# a str is one that is not base64, a list holds the floats of a vector that has been through a pickle.
Item = int | str | list[float]


class BatchState(IntEnum):
    """What is known of a batch; one byte per batch is all that a regular answer costs."""

    MISSING = 0
    FLOATS = 1  # input i is row i of the matrix, shown as a list of floats
    BASE64 = 2  # input i is row i of the matrix, shown as base64
    IRREGULAR = 3  # looked up in `irregular`


# A member of an enumeration is slow to compare with.
MISSING = int(BatchState.MISSING)


class IrregularBatch:
    """A batch that is not simply its rows of the matrix: mixed forms, or vectors of another dimension."""

    __slots__ = ("items", "vectors")

    def __init__(self, items: list[Item], vectors: Vectors | None) -> None:
        self.items = items
        self.vectors = vectors  # None: vector k is row `start of the batch + k` of the matrix


class Rows(EmbeddingsByInput):
    """The embeddings of an operation.

    Parameters:
        matrix: one float32 row per input, or None when no vector arrived in it. Rows of missing batches hold whatever
            their memory held before.
        starts: number of the first input of each batch, ascending.
        total: number of inputs.
        states: one BatchState per batch.
        irregular: the batches whose state is IRREGULAR.
        objects: `object` of each item, only for batches where it is not always "embedding".
    """

    __slots__ = ("_irregular", "_matrix", "_objects", "_starts", "_states", "_total")

    def __init__(
        self,
        matrix: Matrix | FloatRows | None,
        starts: Sequence[int],
        total: int,
        states: bytearray,
        irregular: dict[int, IrregularBatch],
        objects: dict[int, list[str]],
    ) -> None:
        self._matrix = matrix
        self._starts = starts
        self._total = total
        self._states = states
        self._irregular = irregular
        self._objects = objects

    @classmethod
    def of(cls, vectors: Any) -> Rows:
        """Rows of an array, or of nested sequences, of shape (rows, dimension). Raises ValueError."""
        numpy = load("numpy")
        array = numpy.asarray(vectors, dtype=numpy.float32)
        if array.ndim != 2 or not len(array):
            raise ValueError(
                f"vectors must have the shape (inputs, dimension) with at least one input, not {array.shape}"
            )
        return cls(FloatRows(array.tobytes(), *array.shape), [0], len(array), bytearray([BatchState.FLOATS]), {}, {})

    def __len__(self) -> int:
        return self._total

    def missing(self) -> list[int]:
        if MISSING not in self._states:
            return []
        absent = (span for state, span in zip(self._states, self._spans(), strict=True) if state == MISSING)
        return [i for start, end in absent for i in range(start, end)]

    @property
    def in_one_block(self) -> bool:
        return not self._irregular and MISSING not in self._states

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the floats out of the engine's objects, so that a pickle needs no engine to be read."""
        irregular = {}
        for batch, arrived in self._irregular.items():
            if arrived.vectors is not None:
                start = self._starts[batch]
                arrived = IrregularBatch([self.embedding(start + k) for k in range(len(arrived.items))], None)
            irregular[batch] = arrived
        matrix = None if self._matrix is None else FloatRows.of(self._matrix, self._unused())
        return Rows, (matrix, list(self._starts), self._total, self._states, irregular, self._objects)

    def _unused(self) -> list[int]:
        """Rows of the matrix that hold no vector, but whatever its memory held before."""
        unused = self.missing()
        for batch, arrived in self._irregular.items():
            start = self._starts[batch]
            used: set[int] = set()
            if arrived.vectors is None:
                used = {item if item >= 0 else -1 - item for item in arrived.items if isinstance(item, int)}
            unused += [start + k for k in range(len(arrived.items)) if k not in used]
        return unused

    def _batch(self, i: int) -> int:
        return bisect_right(self._starts, i) - 1

    def _item(self, i: int) -> tuple[Item, Any]:
        """The item of input `i`, with its number valid in the matrix or the vectors that come with it."""
        batch = self._batch(i)
        state = self._states[batch]
        if state == BatchState.FLOATS:
            return i, self._matrix
        if state == BatchState.BASE64:
            return -1 - i, self._matrix
        start = self._starts[batch]
        irregular = self._irregular[batch]
        item = irregular.items[i - start]
        if irregular.vectors is not None or not isinstance(item, int):
            return item, irregular.vectors
        return (item + start if item >= 0 else item - start), self._matrix

    def embedding(self, i: int) -> list[float] | str:
        item, source = self._item(i)
        if not isinstance(item, int):
            return item
        return cast("list[float]", source.row(item)) if item >= 0 else cast("str", source.row_base64(-1 - item))

    def dim(self, i: int) -> int | None:
        item, source = self._item(i)
        if isinstance(item, int):
            dim = source.dim  # of a matrix a number, of vectors a method
            return cast("int", dim(item if item >= 0 else -1 - item) if callable(dim) else dim)
        return None if isinstance(item, str) else len(item)

    def first_dim(self) -> int | None:
        first = next(
            (start for state, (start, _) in zip(self._states, self._spans(), strict=True) if state), None
        )
        return None if first is None else self.dim(first)

    def is_text(self, i: int) -> bool:
        item, _ = self._item(i)
        return item < 0 if isinstance(item, int) else isinstance(item, str)

    def object(self, i: int) -> str:
        batch = self._batch(i) if self._objects else 0
        return self._objects[batch][i - self._starts[batch]] if batch in self._objects else "embedding"

    def numpy(self, copy: bool | None, nan: bool, last: bool) -> Any:
        numpy = load("numpy")
        if not self._total:
            raise ValueError("Cannot convert to array: contains no embedding responses")
        if not nan:
            self.refuse_missing()
        if not self.in_one_block:
            if copy is False:
                raise ValueError(
                    "the embeddings do not lie in one block of memory, so that an array of them is a copy, "
                    "which copy=False forbids"
                )
            return self._gathered(numpy)
        matrix: Any = self._matrix
        if isinstance(matrix, FloatRows):
            array = numpy.frombuffer(matrix.octets, dtype="<f4").reshape(matrix.rows, matrix.dim)
            return array if copy is False else array.copy()
        if copy is False:
            array = numpy.asarray(matrix)
            array.flags.writeable = False
            return array
        return numpy.asarray(matrix.last() if last and copy is None else matrix.copy())

    def arrow(self) -> ArrowVectors:
        """It shows the matrix's own memory; embeddings that do not lie there are copied together."""
        kind: type[ArrowVectors] = load("baseten_perf.responses._arrow").ArrowVectors
        missing = self.missing()
        matrix: Any = self._matrix
        if self._irregular or matrix is None:
            array = self._gathered(load("numpy"))
            return kind(array, self._total, array.shape[1], missing)
        if isinstance(matrix, FloatRows):
            return kind(matrix.octets, matrix.rows, matrix.dim, missing)
        if missing:
            matrix.blank(missing)
        return kind(matrix, matrix.rows, matrix.dim, missing)

    def _gathered(self, numpy: Any) -> Any:
        """An array of rows that lie in several places."""
        array = numpy.empty((self._total, self.common_dim(self.of_each_dim())), dtype=numpy.float32)
        block: Any = self._matrix
        if isinstance(block, FloatRows):
            block = numpy.frombuffer(block.octets, dtype="<f4").reshape(block.rows, block.dim)
        block = numpy.asarray(block)
        for state, (start, end) in zip(self._states, self._spans(), strict=True):
            if state == MISSING:
                array[start:end] = numpy.nan
            elif state != BatchState.IRREGULAR:
                array[start:end] = block[start:end]
            else:
                for i in range(start, end):
                    array[i] = self._floats(i)
        return array

    def _spans(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, [*self._starts[1:], self._total], strict=True)

    def of_each_dim(self) -> Iterator[int]:
        """Numbers of inputs among which all dimensions occur."""
        for state, (start, end) in zip(self._states, self._spans(), strict=True):
            if state != MISSING:
                # In a regular batch all rows are of the matrix, so one of them speaks for all.
                yield from range(start, end if state == BatchState.IRREGULAR else start + 1)

    def spread(self, places: Sequence[int]) -> Rows:
        """Of inputs of which number `i` is equal to number `places[i]` of these, and has the matrix's row `i`."""
        states, objects = bytearray(len(places)), {}
        missing = set(self.missing())
        for i, place in enumerate(places):
            if place not in missing:
                states[i] = BatchState.BASE64 if self.is_text(place) else BatchState.FLOATS
                objects[i] = [self.object(place)]
        return Rows(self._matrix, range(len(places)), len(places), states, {}, objects if self._objects else {})

    def _floats(self, i: int) -> list[float]:
        item, source = self._item(i)
        if isinstance(item, int):
            return cast("list[float]", source.row(item if item >= 0 else -1 - item))
        return cast("list[float]", item)
