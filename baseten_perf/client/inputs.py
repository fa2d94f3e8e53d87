"""What methods take as texts, token ids and payloads, for type checkers; `operations.columns` has what counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias


class Array(Protocol):
    """A numpy array; a Series or Index of pandas."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def tolist(self) -> Any: ...


class Series(Protocol):
    """A Series of polars."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def to_list(self) -> list[Any]: ...


class ArrowArray(Protocol):
    """An array of pyarrow, or of another library that speaks Arrow's PyCapsule protocol."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...


class ArrowStream(Protocol):
    """A chunked array of pyarrow, or of another library that speaks Arrow's PyCapsule protocol."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


Column: TypeAlias = Array | Series | ArrowArray | ArrowStream
Texts: TypeAlias = Sequence[str] | Column
Tokens: TypeAlias = Sequence[int] | Sequence[Sequence[int]] | Sequence[Array]
Payloads: TypeAlias = Sequence[Any] | Column
