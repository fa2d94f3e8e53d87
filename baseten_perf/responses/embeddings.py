"""OpenAIEmbeddingsResponse: the vectors of an embed operation, as one array or one by one."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from .base import Response, WeaklyReferenced
from .rows import Rows

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, init=False)
class OpenAIUsage(WeaklyReferenced):
    """Tokens counted by the server, summed over all requests; 0 where it gave none.

    Attributes (read-only):
        prompt_tokens: tokens of the inputs.
        total_tokens: tokens in all.
    """

    prompt_tokens: int
    total_tokens: int

    def __init__(self, prompt_tokens: int, total_tokens: int) -> None:
        _set_prompt_tokens(self, prompt_tokens)
        _set_total_tokens(self, total_tokens)


# The slots' own setters: three times as fast as the __init__ that a frozen dataclass generates.
_set_prompt_tokens = vars(OpenAIUsage)["prompt_tokens"].__set__
_set_total_tokens = vars(OpenAIUsage)["total_tokens"].__set__


class OpenAIEmbeddingData:
    """The embedding of one input.

    Attributes (read-only):
        index: position of the input in the caller's list.
        embedding: list of floats, or the base64 text when the server sent that; made at the first read and kept.
        object: "embedding" unless the server said otherwise.
    """

    __slots__ = ("__weakref__", "_embedding", "_index", "_object")

    def __init__(self, embedding: list[float] | str | Rows, index: int, object: str = "embedding") -> None:
        self._embedding = embedding  # the operation's Rows until somebody reads it
        self._index = index
        self._object = object

    @property
    def embedding(self) -> list[float] | str:
        embedding = self._embedding
        if isinstance(embedding, Rows):
            embedding = self._embedding = embedding.embedding(self._index)
        return embedding

    @property
    def index(self) -> int:
        return self._index

    @property
    def object(self) -> str:
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
        if isinstance(embedding, Rows):
            text, dim = embedding.is_text(self._index), embedding.dim(self._index)
        else:
            text, dim = isinstance(embedding, str), len(embedding)
        shown = "<base64>" if text else f"<{dim} floats>"
        return f"OpenAIEmbeddingData(index={self._index}, embedding={shown})"


class _Probe:
    """What sys.getrefcount tells a method of its object: by whom it is held is decided by these numbers."""

    def __init__(self) -> None:
        self.attribute = object()

    def own(self) -> int:
        return getrefcount(self)

    def of_attribute(self) -> int:
        attribute = self.attribute
        return getrefcount(attribute)


def _references() -> tuple[int, int]:
    """The number for an object that only the calling expression holds, and the one for its attribute's value.

    Where an object that something else holds gives the same number, or threads count apart, no number can be trusted:
    then 0, which no object has. So it is where variables lend their references to expressions (CPython 3.14), or where
    a call holds its arguments twice (3.10).
    """
    held = _Probe()
    threads_count_apart = not getattr(sys, "_is_gil_enabled", lambda: True)()
    if threads_count_apart or min(held.own(), partial(_Probe.own, _Probe())()) <= _Probe().own():
        return 0, 0
    return _Probe().own(), held.of_attribute()


OF_A_TEMPORARY, OF_ITS_ONLY_ATTRIBUTE = _references()


class OpenAIEmbeddingsResponse(Response):
    """The answer of an embed call.

    Attributes (read-only), besides those of every response:
        data: list of OpenAIEmbeddingData in the order of the inputs; made at the first read and kept.
        model: the model's name as the server gave it for the first batch, else as it was asked for.
        usage: OpenAIUsage, summed over all requests.
        object: "list" unless the server said otherwise.
    """

    __slots__ = ("_data", "_model", "_object", "_rows", "_usage")

    def __init__(
        self,
        rows: Rows,
        object: str,
        model: str,
        usage: OpenAIUsage,
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[bytes | dict[str, str]],
    ) -> None:
        super().__init__(total_time, individual_request_times, response_headers)
        self._rows = rows
        self._object = object
        self._model = model
        self._usage = usage
        self._data: list[OpenAIEmbeddingData] | None = None

    @property
    def data(self) -> list[OpenAIEmbeddingData]:
        if self._data is None:
            rows = self._rows
            self._data = [OpenAIEmbeddingData(rows, i, rows.object(i)) for i in range(len(rows))]
        return self._data

    @property
    def model(self) -> str:
        return self._model

    @property
    def usage(self) -> OpenAIUsage:
        return self._usage

    @property
    def object(self) -> str:
        return self._object

    def numpy(self) -> NDArray[numpy.float32]:
        """All embeddings as one array: float32, C-contiguous, shape (number of inputs, dimension).

        Each call returns a fresh, writable copy. Embeddings that came as base64 are included. A response that nobody
        else holds, as in `client.embed(...).numpy()`, gives its own memory away instead.

        Raises ValueError when the dimensions differ, or when an embedding is a str that is not base64 of float32;
        ImportError without numpy.
        """
        rows = self._rows
        # Neither this response nor an item of its data can be read by anyone after this call.
        last = getrefcount(self) == OF_A_TEMPORARY and getrefcount(rows) == OF_ITS_ONLY_ATTRIBUTE
        array: NDArray[numpy.float32] = rows.numpy(last)
        return array

    def _values(self) -> tuple[Any, ...]:
        return self._object, self._model, self._usage, self._rows

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the cached objects of `data`: they are made anew from the rows.
        return type(self), (
            self._rows, self._object, self._model, self._usage, self._total_time, self._times, self._headers,
        )  # fmt: skip

    def __repr__(self) -> builtins.str:
        dim = self._rows.dim(0) if len(self._rows) else None
        of = "" if dim is None else f" of dimension {dim}"
        return (
            f"OpenAIEmbeddingsResponse(data=<{len(self._rows)} embeddings{of}>, model={self._model!r}, "
            f"usage={self._usage!r}, total_time={self._total_time!r})"
        )
