"""Answers of classify as vLLM gives them: probabilities of numbered classes, of which only the best has its name."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from ..protocols import Completion
from ..responses.classification import ClassificationResult
from .response_body import floats, integer, malformed

# The name of the best class, and the probability of each in the order of the model's classes.
Row = tuple[str | None, list[float]]


class ClassNames:
    """The names of a model's classes, as far as the answers of a call or stream have told them.

    A class that was never the best is called LABEL_3, like one that has no name in the model's configuration:
    https://huggingface.co/docs/transformers/main_classes/configuration (id2label).
    """

    __slots__ = ("_count", "_names")

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._count = 0

    def learn(self, rows: list[Row]) -> None:
        """Take in the names that an answer tells."""
        for label, probabilities in rows:
            self._count = max(self._count, len(probabilities))
            if label is not None:
                self._names.setdefault(probabilities.index(max(probabilities)), label)

    def name(self, number: int) -> str:
        return self._names.get(number, f"LABEL_{number}")

    def all(self) -> list[str]:
        """The names in the order of the model's classes."""
        return list(map(self.name, range(self._count)))

    def results(self, row: Row) -> list[ClassificationResult]:
        """The labels of an input, best first; of equal ones that with the lower number."""
        label, probabilities = row
        order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)
        names = list(map(self.name, order))
        if label is not None:
            names[0] = label
        return list(map(ClassificationResult, names, map(probabilities.__getitem__, order)))


def read(completion: Completion, entries: list[dict[str, Any]]) -> list[Row]:
    """The rows of an answer in the order of its inputs. Raises InvalidResponse."""
    try:
        positions = [integer(entry["index"]) for entry in entries]
        labels = [entry["label"] for entry in entries]
        rows = [entry["probs"] for entry in entries]
    except KeyError as missing:
        raise malformed(completion, f"missing field `{missing.args[0]}`") from None
    if set(positions) != set(range(len(entries))):
        raise malformed(completion, f"the `index` of the items is not a permutation of 0..{len(entries) - 1}")
    if not set(map(type, labels)) <= {str, type(None)}:
        raise malformed(completion, "a `label` is not a string")
    if set(map(type, rows)) != {list} or [] in rows:
        raise malformed(completion, "the `probs` of an input are not a list of numbers")
    counts = [integer(entry.get("num_classes")) for entry in entries]
    if any(count not in (None, len(row)) for count, row in zip(counts, rows, strict=True)):
        raise malformed(completion, "the `probs` of an input are not as many as its `num_classes`")
    scores = iter(floats(completion, list(chain.from_iterable(rows))))
    placed = {
        position: (label, list(islice(scores, len(row))))
        for position, label, row in zip(positions, labels, rows, strict=True)
    }
    return [placed[position] for position in range(len(entries))]
