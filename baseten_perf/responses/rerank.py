"""RerankResponse: the scores of a rerank operation."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..late import load
from ..ranking._ranking import record
from .answers import Collects, answers
from .array import as_array
from .base import Response, checked_headers, checked_times

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, init=False)
@record
class RerankResult:
    """The score of one text.

    Attributes (read-only):
        index: position of the text in the caller's list.
        score: relevance as the server gave it.
        text: the text itself when `return_text` was asked for, else None.
    """

    index: int
    score: float
    text: str | None

    def __init__(self, index: int, score: float, text: str | None = None) -> None:
        _set_index(self, index)
        _set_score(self, score)
        _set_text(self, text)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.index, self.score, self.text)


# The fields' own setters: three times as fast as the __init__ that a frozen dataclass generates. Most results never see
# it, being made by the native reader; answers in MessagePack may bring millions that do.
_set_index = vars(RerankResult)["index"].__set__
_set_score = vars(RerankResult)["score"].__set__
_set_text = vars(RerankResult)["text"].__set__


class RerankResponse(Response[Collects]):
    """The answer of a rerank call.

    Attributes (read-only), besides those of every response:
        data: list of RerankResult, batch after batch; inside a batch in the server's order, not sorted over all. With
            `top_n` the best of all batches, best first; of equal scores the one whose text comes first.
        object: always "list".

    `numpy.asarray(response)` is `response.scores()`.
    """

    __slots__ = ("_data", "_texts")

    def __init__(
        self,
        data: Sequence[RerankResult],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[dict[str, str]] | None = None,
    ) -> None:
        for kind in set(map(type, data)):
            if not issubclass(kind, RerankResult):
                raise TypeError(f"data must hold instances of RerankResult, not of {kind.__name__}")
        total_time, times = checked_times(total_time, individual_request_times)
        super().__init__(total_time, times, checked_headers(response_headers))
        self._data = list(data)
        self._texts: int | None = None

    @classmethod
    def collected(
        cls,
        data: list[RerankResult],
        texts: int,
        total_time: float,
        times: Sequence[float],
        headers: Sequence[bytes | None],
        timings: Sequence[bytes | None] | None = None,
    ) -> RerankResponse[Any]:
        """Make a response of what an operation on so many texts gathered: nothing to check, headers still raw."""
        self = cls.__new__(cls)
        Response.__init__(self, total_time, times, headers, timings)
        self._data = data
        self._texts = texts
        return self

    @answers
    def data(self) -> list[RerankResult]:
        """One result for each text: batch after batch, in each in the server's order."""
        return self._data

    @property
    def object(self) -> str:
        """Always "list"."""
        return "list"

    def scores(self) -> NDArray[numpy.float64]:
        """The score of each text, in the caller's order: a new array, float64, shape (number of texts,).

        `scores()[i]` belongs to `texts[i]`; NaN where `data` has nothing for it, because of `top_n` or of a failure.
        JSON numbers are doubles, so float64 holds each `RerankResult.score` exactly; float32 would make ties of scores
        that differ. Of a response that was made by hand, the highest index tells the number of texts.

        Raises ImportError without numpy.
        """
        np = load("numpy")
        results = [result for result in self._data if result is not None]  # None after a failure
        places = np.fromiter((result.index for result in results), np.intp, len(results))
        texts = places.max(initial=-1) + 1 if self._texts is None else self._texts
        scores: NDArray[numpy.float64] = np.full(texts, np.nan)
        scores[places] = np.fromiter((result.score for result in results), np.float64, len(results))
        return scores

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return as_array(self.scores, dtype, copy)

    def _values(self) -> tuple[Any, ...]:
        return (self._data,)

    def __repr__(self) -> builtins.str:
        return f"RerankResponse(data=<{len(self._data)} results>, total_time={self._total_time!r})"
