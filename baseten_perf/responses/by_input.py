"""EmbeddingsByInput: what a response knows of its embeddings, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._arrow import ArrowVectors


class EmbeddingsByInput:
    """The embeddings of an operation by input number, compared by value."""

    __slots__ = ()

    def __len__(self) -> int:
        """Number of inputs."""
        raise NotImplementedError

    def missing(self) -> list[int]:
        """Numbers of the inputs without an answer, ascending."""
        raise NotImplementedError

    @property
    def in_one_block(self) -> bool:
        """Whether all embeddings are the rows of one block of memory, one for each input."""
        raise NotImplementedError

    def embedding(self, i: int) -> list[float] | str:
        """The embedding of input `i`, in the form in which the server sent it."""
        raise NotImplementedError

    def dim(self, i: int) -> int | None:
        """Number of floats of input `i`, None for a str that is not base64 of float32."""
        raise NotImplementedError

    def first_dim(self) -> int | None:
        """Number of floats of the first embedding that arrived; None where there is none, or no number."""
        raise NotImplementedError

    def is_text(self, i: int) -> bool:
        """Whether the embedding of input `i` is a str."""
        raise NotImplementedError

    def object(self, i: int) -> str:
        """The `object` of the item of input `i`."""
        raise NotImplementedError

    def numpy(self, copy: bool | None, nan: bool, last: bool) -> Any:
        """A C-contiguous float32 array of shape (number of inputs, dimension). Raises ValueError.

        Parameters:
            copy: False gives the rows' own memory, read-only, or raises ValueError. Else the array is writable and its
                caller's alone: None copies unless `last`, True always.
            nan: whether rows that are missing are NaN in the array; else they raise ValueError.
            last: whether nobody can ask for the rows again.
        """
        raise NotImplementedError

    def arrow(self) -> ArrowVectors:
        """An Arrow array, null where an embedding is missing. Raises ValueError, as `numpy` does."""
        raise NotImplementedError

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, EmbeddingsByInput):
            return NotImplemented
        if self is other:
            return True
        absent = self.missing()
        if len(self) != len(other) or absent != other.missing():
            return False
        present = set(range(len(self))).difference(absent)
        return all(self.embedding(i) == other.embedding(i) and self.object(i) == other.object(i) for i in present)

    __hash__ = None  # type: ignore[assignment]

    def refuse_missing(self) -> None:
        """Raise ValueError when some are missing."""
        missing = self.missing()
        if missing:
            count = f"{len(missing)} of {len(self)} embeddings"
            raise ValueError(f'{count} are missing, first that of input {missing[0]}; missing="nan" makes them NaN')

    def common_dim(self, numbers: Iterable[int]) -> int:
        """The dimension of these inputs' embeddings. Raises ValueError when they have none, or not the same."""
        expected: int | None = None
        for i in numbers:
            dim = self.dim(i)
            if dim is None:
                raise ValueError(
                    f"Cannot convert to array: found Base64 encoded embedding at index {i}. "
                    "Only float vectors are supported."
                )
            expected = dim if expected is None else expected
            if dim != expected:
                raise ValueError(
                    f"All embeddings must have the same dimension. Expected {expected} but got {dim} at index {i}."
                )
        if expected is None:
            raise ValueError(f"all {len(self)} embeddings are missing, so that their dimension is unknown")
        return expected
