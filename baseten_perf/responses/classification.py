"""ClassificationResponse: the labels and scores of a classify operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..ranking._ranking import record
from .base import Response, checked_headers, checked_times


@dataclass(frozen=True, init=False)
@record
class ClassificationResult:
    """One label of one input.

    Attributes (read-only):
        label: name of the class.
        score: as the server gave it: a probability, or the raw score when `raw_scores` was asked for.
    """

    label: str
    score: float

    def __init__(self, label: str, score: float) -> None:
        _set_label(self, label)
        _set_score(self, score)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.label, self.score)


# The fields' own setters: three times as fast as the __init__ that a frozen dataclass generates. Most results never see
# it, being made by the native reader; answers in MessagePack may bring millions that do.
_set_label = vars(ClassificationResult)["label"].__set__
_set_score = vars(ClassificationResult)["score"].__set__


class ClassificationResponse(Response):
    """The answer of a classify call.

    Attributes (read-only), besides those of every response:
        data: one list of ClassificationResult per input, in the order of the inputs; labels in the server's order.
        object: always "list".
    """

    __slots__ = ("_data",)

    def __init__(
        self,
        data: Sequence[Sequence[ClassificationResult]],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[dict[str, str]] | None = None,
    ) -> None:
        for kind in {type(result) for group in data for result in group}:
            if not issubclass(kind, ClassificationResult):
                name = kind.__name__
                raise TypeError(f"argument 'data': '{name}' object cannot be converted to 'ClassificationResult'")
        total_time, times = checked_times(total_time, individual_request_times)
        super().__init__(total_time, times, checked_headers(response_headers))
        self._data = [list(group) for group in data]

    @classmethod
    def collected(
        cls,
        data: list[list[ClassificationResult]],
        total_time: float,
        times: Sequence[float],
        headers: Sequence[bytes | None],
    ) -> ClassificationResponse:
        """Make a response of what an operation gathered: nothing to check, headers still raw."""
        self = cls.__new__(cls)
        Response.__init__(self, total_time, times, headers)
        self._data = data
        return self

    @property
    def data(self) -> list[list[ClassificationResult]]:
        """One list of labels for each input, in their order."""
        return self._data

    @property
    def object(self) -> str:
        """Always "list"."""
        return "list"

    def _values(self) -> tuple[Any, ...]:
        return (self._data,)

    def __repr__(self) -> str:
        return f"ClassificationResponse(data=<results of {len(self._data)} inputs>, total_time={self._total_time!r})"
