"""ClassificationResponse: the labels and scores of a classify operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import nan
from operator import attrgetter
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


_score = attrgetter("score")


class ClassificationResponse(Response[Collects]):
    """The answer of a classify call.

    Attributes (read-only), besides those of every response:
        data: one list of ClassificationResult per input, in the order of the inputs; labels in the server's order:
            best first. The garbage collector is not told of these lists, so put nothing into one that refers back.
        classes: the labels that occur, which are the columns of `scores()`.
        object: always "list".

    `numpy.asarray(response)` is `response.scores()`.
    """

    __slots__ = ("_data", "_order")

    def __init__(
        self,
        data: Sequence[Sequence[ClassificationResult]],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[dict[str, str]] | None = None,
    ) -> None:
        for kind in {type(result) for group in data for result in group}:
            if not issubclass(kind, ClassificationResult):
                raise TypeError(f"data must hold instances of ClassificationResult, not of {kind.__name__}")
        total_time, times = checked_times(total_time, individual_request_times)
        super().__init__(total_time, times, checked_headers(response_headers))
        self._data = [list(group) for group in data]
        self._order: Sequence[str] = ()

    @classmethod
    def collected(
        cls,
        data: list[list[ClassificationResult]],
        total_time: float,
        times: Sequence[float],
        headers: Sequence[bytes | None],
        order: Sequence[str] = (),
        timings: Sequence[bytes | None] | None = None,
    ) -> ClassificationResponse[Any]:
        """Make a response of what an operation gathered: nothing to check, headers still raw.

        `order` is that of the model's classes, as far as they are known.
        """
        self = cls.__new__(cls)
        Response.__init__(self, total_time, times, headers, timings)
        self._data = data
        self._order = order
        return self

    @answers
    def data(self) -> list[list[ClassificationResult]]:
        """One list of labels for each input, in their order."""
        return self._data

    @property
    def object(self) -> str:
        """Always "list"."""
        return "list"

    @property
    def classes(self) -> list[str]:
        """The labels that occur: in the order of the model where the server tells it (vLLM), else sorted."""
        occurring = {result.label for result in chain.from_iterable(filter(None, self._data))}
        return [*self._order, *sorted(occurring.difference(self._order))]

    def labels(self) -> NDArray[numpy.object_]:
        """The best label of each input: a new array of str, dtype object, shape (inputs,).

        That is the label with the highest score; of equal ones the first. None where there is none.

        Raises ImportError without numpy.
        """
        np = load("numpy")
        best = [max(group, key=_score).label if group else None for group in self._data]
        labels: NDArray[numpy.object_] = np.array(best, dtype=object)
        return labels

    def scores(self) -> NDArray[numpy.float64]:
        """The score of each class for each input: a new array, float64, shape (inputs, classes).

        Columns are `classes`, the same for all inputs. NaN where an input has no score for a class, or none at all.
        float64 holds each `ClassificationResult.score` exactly.

        Raises ValueError when an input has a label twice; ImportError without numpy.
        """
        np = load("numpy")
        classes = self.classes
        flat: list[float] = []
        for number, group in enumerate(self._data):
            results = group or []  # None after a failure
            row = {result.label: result.score for result in results}
            if len(row) < len(results):
                raise ValueError(f"input {number} has a label twice; read `data` instead")
            flat += [row.get(name, nan) for name in classes]
        scores: NDArray[numpy.float64] = np.array(flat, dtype=np.float64).reshape(len(self._data), len(classes))
        return scores

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return as_array(self.scores, dtype, copy)

    def _values(self) -> tuple[Any, ...]:
        return (self._data,)

    def __repr__(self) -> str:
        return f"ClassificationResponse(data=<results of {len(self._data)} inputs>, total_time={self._total_time!r})"
