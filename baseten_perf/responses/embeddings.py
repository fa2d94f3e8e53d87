"""OpenAIEmbeddingsResponse: the vectors of an embed operation, as one array or one by one."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from ..validation import instance, utf8_string
from .answers import Collects, answers
from .base import Response
from .by_input import EmbeddingsByInput
from .references import OF_A_TEMPORARY, OF_ITS_ONLY_ATTRIBUTE
from .rows import Rows

if TYPE_CHECKING:
    from typing import Literal

    import numpy
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from ._arrow import ArrowVectors


class OpenAIUsage:
    """Tokens counted by the server, summed over all requests; 0 where it gave none.

    Attributes (read-only):
        prompt_tokens: tokens of the inputs.
        total_tokens: tokens in all.
    """

    __slots__ = ("__weakref__", "_prompt_tokens", "_total_tokens")
    __match_args__ = ("prompt_tokens", "total_tokens")

    def __init__(self, prompt_tokens: int, total_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._total_tokens = total_tokens

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the inputs."""
        return self._prompt_tokens

    @property
    def total_tokens(self) -> int:
        """Tokens in all."""
        return self._total_tokens

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, OpenAIUsage):
            return NotImplemented
        return self._prompt_tokens == other._prompt_tokens and self._total_tokens == other._total_tokens

    def __hash__(self) -> int:
        return hash((self._prompt_tokens, self._total_tokens))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._prompt_tokens, self._total_tokens)

    def __repr__(self) -> str:
        return f"OpenAIUsage(prompt_tokens={self._prompt_tokens}, total_tokens={self._total_tokens})"


class OpenAIEmbeddingData:
    """The embedding of one input.

    Attributes (read-only):
        index: position of the input in the caller's list.
        embedding: list of floats, or the base64 text when the server sent that; made at the first read and kept. The
            garbage collector is not told of the list, so put nothing into it that refers back to it.
        object: "embedding" unless the server said otherwise.
    """

    __slots__ = ("__weakref__", "_embedding", "_index", "_object")

    def __init__(self, embedding: list[float] | str | EmbeddingsByInput, index: int, object: str = "embedding") -> None:
        self._embedding = embedding  # all of the operation until somebody reads it
        self._index = index
        self._object = object

    @property
    def embedding(self) -> list[float] | str:
        """The vector: a list of floats, or the base64 text when the server sent that."""
        embedding = self._embedding
        if isinstance(embedding, EmbeddingsByInput):
            embedding = self._embedding = embedding.embedding(self._index)
        return embedding

    @property
    def index(self) -> int:
        """Position of the input in the caller's list."""
        return self._index

    @property
    def object(self) -> str:
        """What the server calls the item: "embedding" unless it said otherwise."""
        return self._object

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, OpenAIEmbeddingData):
            return NotImplemented
        return self._index == other._index and self._object == other._object and self.embedding == other.embedding

    def __hash__(self) -> int:
        # Not of the embedding, which is a list.
        return hash((self._index, self._object))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.embedding, self._index, self._object)

    def __repr__(self) -> str:
        embedding = self._embedding
        if isinstance(embedding, EmbeddingsByInput):
            text, dim = embedding.is_text(self._index), embedding.dim(self._index)
        else:
            text, dim = isinstance(embedding, str), len(embedding)
        shown = "<base64>" if text else f"<{dim} floats>"
        return f"OpenAIEmbeddingData(index={self._index}, embedding={shown})"


class OpenAIEmbeddingsResponse(Response[Collects]):
    """The answer of an embed call.

    Attributes (read-only), besides those of every response:
        data: list of OpenAIEmbeddingData in the order of the inputs; made at the first read and kept. In the
            `response_partial` of an exception it has None where no answer arrived.
        model: the model's name as the server gave it for the first batch, else as it was asked for.
        usage: OpenAIUsage, summed over all requests.
        object: "list" unless the server said otherwise.
    """

    __slots__ = ("_data", "_model", "_object", "_rows", "_usage")

    def __init__(
        self,
        rows: EmbeddingsByInput,
        object: str,
        model: str,
        usage: OpenAIUsage,
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[bytes | dict[str, str] | None],
        timings: Sequence[bytes | None] | None = None,
    ) -> None:
        Response.__init__(self, total_time, individual_request_times, response_headers, timings)
        self._rows = rows
        self._object = object
        self._model = model
        self._usage = usage
        self._data: list[OpenAIEmbeddingData] | None = None

    @classmethod
    def from_vectors(
        cls, vectors: ArrayLike, model: str = "model", usage: OpenAIUsage | None = None
    ) -> OpenAIEmbeddingsResponse[Collects]:
        """A response that no server has sent, for tests of programs that are given one.

        Parameters:
            vectors: one for each input: an array or nested sequences of shape (inputs, dimension), which is copied to
                float32.
            model: name of the model.
            usage: tokens; 0 when left out.

        Raises TypeError naming the argument; ValueError when the vectors are none, or not of one length.
        """
        model = utf8_string("model", model)
        usage = OpenAIUsage(0, 0) if usage is None else instance("usage", usage, OpenAIUsage)
        return cls(Rows.of(vectors), "list", model, usage, 0.0, [0.0], [{}])

    @answers
    def data(self) -> list[OpenAIEmbeddingData]:
        """One item for each input, in their order; made at the first read and kept."""
        if self._data is None:
            rows = self._rows
            data: list[Any] = [OpenAIEmbeddingData(rows, i, rows.object(i)) for i in range(len(rows))]
            for i in rows.missing():
                data[i] = None
            self._data = data
        return self._data

    @property
    def model(self) -> str:
        """The model's name as the server gave it for the first batch, else as it was asked for."""
        return self._model

    @property
    def usage(self) -> OpenAIUsage:
        """Tokens, summed over all requests."""
        return self._usage

    @property
    def object(self) -> str:
        """What the server calls the response: "list" unless it said otherwise."""
        return self._object

    def numpy(self, *, copy: bool | None = None, missing: Literal["raise", "nan"] = "raise") -> NDArray[numpy.float32]:
        """All embeddings as one array: float32, C-contiguous, shape (number of inputs, dimension).

        Embeddings that came as base64 are included.

        Parameters:
            copy: None gives a writable array that nobody else has: a copy, except that a response which nobody else
                holds, as in `client.embed(...).numpy()`, gives its own memory away. True copies always. False never
                copies: the array is the response's own memory, and read-only, since others read it too.
            missing: what to do about embeddings that never arrived, in the `response_partial` of an exception: "raise"
                ValueError, or give rows of "nan".

        Raises ValueError when the dimensions differ, when none has arrived, or when an embedding is a str that is not
        base64 of float32; with copy=False, when the embeddings do not lie in one block of memory: so it is with
        `dedupe`, where inputs were equal. ImportError without numpy.
        """
        if copy is not None and not isinstance(copy, bool):
            raise TypeError(f"copy must be a bool or None, not {type(copy).__name__}")
        if missing not in ("raise", "nan"):
            raise ValueError(f'missing must be "raise" or "nan", not {missing!r}')
        rows = self._rows
        # Neither this response nor an item of its data can be read by anyone after this call.
        last = getrefcount(self) == OF_A_TEMPORARY and getrefcount(rows) == OF_ITS_ONLY_ATTRIBUTE
        array: NDArray[numpy.float32] = rows.numpy(copy, missing == "nan", last)
        return array

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """What numpy.asarray(response) gives: the response's own memory, read-only, where that needs no copy."""
        array: NDArray[Any] = self.numpy(copy=False if copy is None and self._rows.in_one_block else copy)
        if dtype is None or array.dtype == dtype:
            return array
        if copy is False:
            raise ValueError(
                f"the embeddings are float32, so that an array of {dtype!r} is a copy, which copy=False forbids"
            )
        return array.astype(dtype)

    def arrow(self) -> ArrowVectors:
        """All embeddings as an Arrow array: fixed_size_list<float32>[dimension], null where one is missing.

        An object with `__arrow_c_array__` and `__arrow_c_schema__` (Arrow's PyCapsule interface, which pyarrow, polars,
        DuckDB and nanoarrow take), as the response has them too: `pyarrow.array(response)`. It shows the response's own
        memory, which stays in use until all that was made of it is released; with `out=` that is the caller's. Only
        embeddings that do not lie in one block of memory are copied together: of forms that a server has mixed, or of
        equal inputs that were sent once (`dedupe`).

        Raises ValueError when the dimensions differ, when none has arrived, or when an embedding is a str that is not
        base64 of float32.
        """
        return self._rows.arrow()

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self.arrow().__arrow_c_array__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self.arrow().__arrow_c_schema__()

    def _values(self) -> tuple[Any, ...]:
        return self._object, self._model, self._usage, self._rows

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the cached objects of `data`: they are made anew from the rows.
        return type(self), (
            self._rows, self._object, self._model, self._usage, self._total_time, self._times, self._headers,
        ), (None, {"_errors": self._errors, "_missing": self._missing, "_timings": self._timings})  # fmt: skip

    def __repr__(self) -> builtins.str:
        dim = self._rows.first_dim()
        of = "" if dim is None else f" of dimension {dim}"
        missing = len(self._rows.missing())
        but = f", {missing} of them missing" if missing else ""
        return (
            f"OpenAIEmbeddingsResponse(data=<{len(self._rows)} embeddings{of}{but}>, model={self._model!r}, "
            f"usage={self._usage!r}, total_time={self._total_time!r})"
        )
