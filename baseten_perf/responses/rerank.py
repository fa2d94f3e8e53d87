"""RerankResponse: the scores of a rerank operation."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..ranking._ranking import record
from .base import Response, checked_headers, checked_times


@dataclass(frozen=True, init=False)
@record
class RerankResult:
    """The score of one text.

    Attributes (read-only):
        index: position of the text in the caller's list.
        score: relevance as the server gave it.
        text: the text itself when `return_text` was asked for and the server sent it, else None.
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


class RerankResponse(Response):
    """The answer of a rerank call.

    Attributes (read-only), besides those of every response:
        data: list of RerankResult, batch after batch; inside a batch in the server's order, not sorted over all.
        object: always "list".
    """

    __slots__ = ("_data",)

    def __init__(
        self,
        data: Sequence[RerankResult],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[dict[str, str]] | None = None,
    ) -> None:
        for kind in set(map(type, data)):
            if not issubclass(kind, RerankResult):
                raise TypeError(f"argument 'data': '{kind.__name__}' object cannot be converted to 'RerankResult'")
        total_time, times = checked_times(total_time, individual_request_times)
        super().__init__(total_time, times, checked_headers(response_headers))
        self._data = list(data)

    @classmethod
    def collected(
        cls, data: list[RerankResult], total_time: float, times: Sequence[float], headers: Sequence[bytes | None]
    ) -> RerankResponse:
        """Make a response of what an operation gathered: nothing to check, headers still raw."""
        self = cls.__new__(cls)
        Response.__init__(self, total_time, times, headers)
        self._data = data
        return self

    @property
    def data(self) -> list[RerankResult]:
        """One result for each text: batch after batch, in each in the server's order."""
        return self._data

    @property
    def object(self) -> str:
        """Always "list"."""
        return "list"

    def _values(self) -> tuple[Any, ...]:
        return (self._data,)

    def __repr__(self) -> builtins.str:
        return f"RerankResponse(data=<{len(self._data)} results>, total_time={self._total_time!r})"
