"""Batches: what streams give, each the inputs of one request with their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .answers import Answered, Collects, answers
from .base import Response
from .batch_post import BatchPostResponse
from .classification import ClassificationResponse, ClassificationResult
from .embeddings import OpenAIEmbeddingData, OpenAIEmbeddingsResponse, OpenAIUsage

if TYPE_CHECKING:
    from typing import Literal

    import numpy
    from numpy.typing import NDArray

    from ..exceptions import RequestFailed
    from ._arrow import ArrowVectors

Whole = TypeVar("Whole", bound=Response[Any])


class Batch(Answered[Collects], Generic[Whole, Collects]):
    """The inputs of one request of a stream, and their results; the parts of a batch that was divided come one by one.

    Attributes (read-only):
        start, stop: numbers of the first input in the source, and of the one after the last.
        inputs: the inputs themselves.
    """

    __slots__ = ("__weakref__", "_response", "inputs", "start")

    def __init__(self, start: int, inputs: Sequence[Any], response: Whole) -> None:
        self.start = start
        self.inputs = inputs
        self._response = response

    @property
    def stop(self) -> int:
        """Number of the first input after these."""
        return self.start + len(self.inputs)

    @property
    def errors(self) -> dict[int, RequestFailed]:
        """With return_exceptions=True, why inputs have no result: the exception, by number in the source."""
        return {self.start + i: error for i, error in self._response.errors.items()}

    @property
    def missing(self) -> list[int]:
        """Numbers (in the source) of the inputs without a result, ascending."""
        return [self.start + i for i in self._response.missing]

    @property
    def elapsed(self) -> float:
        """Seconds of the request, from getting a concurrency slot to the end; retries and back-off included."""
        return self._response.individual_request_times[0]

    @property
    def response_headers(self) -> dict[str, str]:
        """Names (in lower case) and values of the response's headers; empty when the request failed."""
        return self._response.response_headers[0]

    @property
    def timings(self) -> NDArray[numpy.void] | None:
        """Where the time of the request went, with timings=True: an array of one row; see Response.timings."""
        return self._response.timings

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        failed = f", {len(self.missing)} missing" if self.missing else ""
        return f"{type(self).__name__}(inputs {self.start} to {self.stop - 1}{failed})"


class EmbeddingsBatch(Batch[OpenAIEmbeddingsResponse, Collects]):
    """Texts with their embeddings."""

    __slots__ = ()

    @answers
    def data(self) -> list[OpenAIEmbeddingData]:
        """One item for each input; `index` counts from 0 in each batch. None where it is missing."""
        return self._response.data

    @property
    def usage(self) -> OpenAIUsage:
        """Tokens of this request; 0 where the server gave none."""
        return self._response.usage

    @property
    def model(self) -> str:
        """The model's name as the server gave it."""
        return self._response.model

    def numpy(self, *, copy: bool | None = None, missing: Literal["raise", "nan"] = "raise") -> NDArray[numpy.float32]:
        """The embeddings as float32 of shape (inputs of the batch, dimension); see OpenAIEmbeddingsResponse.numpy."""
        return self._response.numpy(copy=copy, missing=missing)

    def arrow(self) -> ArrowVectors:
        """The embeddings as an Arrow array, which shows their own memory; see OpenAIEmbeddingsResponse.arrow."""
        return self._response.arrow()

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self._response.__arrow_c_array__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self._response.__arrow_c_schema__()


class ClassificationBatch(Batch[ClassificationResponse, Collects]):
    """Texts with their labels."""

    __slots__ = ()

    @answers
    def data(self) -> list[list[ClassificationResult]]:
        """One list of labels for each input; None where it is missing."""
        return self._response.data

    @property
    def classes(self) -> list[str]:
        """The labels that are known; see ClassificationResponse.classes."""
        return self._response.classes


class PostedBatch(Batch[BatchPostResponse, Collects]):
    """A payload with its answer."""

    __slots__ = ()

    @answers
    def data(self) -> list[Any]:
        """The answer, as the only item of a list."""
        return self._response.data

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer, 200 to 299; None where it is missing."""
        return self._response.statuses[0]
