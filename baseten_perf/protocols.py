"""What the engine hands over for a finished request: the shapes that operations and errors rely on.

These are protocols, so that nothing here depends on the compiled engine: the engine's classes (and the fakes of
the unit tests) only have to look like this. Every attribute is read-only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Vectors(Protocol):
    """The vectors of one response that could not be put into the operation's matrix, numbered from 0."""

    def __len__(self) -> int: ...

    def row(self, k: int, /) -> list[float]:
        """Vector `k` as Python floats."""

    def row_base64(self, k: int, /) -> str:
        """Vector `k` as base64 of little-endian float32."""

    def dim(self, k: int, /) -> int:
        """Number of floats in vector `k`."""


class Matrix(Protocol):
    """The float32 block of one embeddings operation: one row per input, C-contiguous, exported as a 2-d buffer."""

    @property
    def rows(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def row(self, i: int, /) -> list[float]:
        """Row `i` as Python floats."""

    def row_base64(self, i: int, /) -> str:
        """Row `i` as base64 of little-endian float32."""

    def copy(self) -> Matrix:
        """The same rows in memory of their own; shares it with this one as long as nobody writes."""

    def last(self) -> Matrix:
        """The same rows for the last one to ask for them: without a copy where that can be."""

    def put(self, start: int, rows: Any, /) -> None:
        """Copy all rows of another such matrix, of the same dimension, to the rows from `start` on."""

    def put_each(self, places: list[list[int]], rows: Any, /) -> None:
        """Copy row `k` of another such matrix, of the same dimension, to all rows that `places[k]` lists."""

    def blank(self, rows: list[int], /) -> None:
        """Zero rows that hold nothing; none of memory that is a caller's own."""

    def permute(self, start: int, order: list[int], /) -> None:
        """Move row `start + k` to row `start + order[k]`, for all k at once."""


class Completion(Protocol):
    """One finished request.

    `index` is its number in the operation, that is, of its batch; `endpoint` that of the endpoint that answered.
    """

    @property
    def index(self) -> int: ...

    @property
    def endpoint(self) -> int: ...

    @property
    def outcome(self) -> int: ...

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> bytes: ...

    @property
    def msgpack(self) -> bool: ...

    @property
    def body(self) -> Buffer: ...

    @property
    def error(self) -> str: ...

    @property
    def curl_code(self) -> int: ...

    @property
    def verdict(self) -> int: ...

    @property
    def refusals(self) -> int: ...

    @property
    def refused_s(self) -> float: ...

    @property
    def retry_after_s(self) -> float: ...

    @property
    def budget(self) -> int: ...

    @property
    def os_errno(self) -> int: ...

    @property
    def elapsed(self) -> float: ...

    @property
    def timings(self) -> bytes | None:
        """Where the time of the request went, a row of `responses.timings`; None when nobody has asked for that."""

    @property
    def attempts(self) -> int: ...

    @property
    def request_id(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def placed(self) -> int:
        """How many vectors the answer brought: the first rows of its batch in the matrix, or `vectors`."""

    @property
    def vectors(self) -> Vectors | None: ...

    @property
    def matrix(self) -> Matrix | None:
        """The vectors, where each request has a matrix of its own."""
