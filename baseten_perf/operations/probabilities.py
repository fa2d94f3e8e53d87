"""Answers of classify as vLLM gives them: probabilities of numbered classes, of which only the best has its name."""

from __future__ import annotations

from typing import Any

from ..completion import Completion
from ..responses.classification import ClassificationResult
from .answers import floats, integer, json_kind, malformed

# The name of the best class, and the probability of each in the order of the model's classes.
Row = tuple[str | None, list[float]]


class ClassNames:
    """The names of a model's classes, as far as the answers of a call have told them.

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
                self._names.setdefault(_best(probabilities), label)

    def name(self, number: int) -> str:
        return self._names.get(number, f"LABEL_{number}")

    def all(self) -> list[str]:
        """The names in the order of the model's classes."""
        return list(map(self.name, range(self._count)))

    def results(self, row: Row) -> list[ClassificationResult]:
        """The labels of an input, best first; of equal ones that with the lower number."""
        label, probabilities = row
        best = _best(probabilities)
        order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)
        return [
            ClassificationResult(label if k == best and label is not None else self.name(k), probabilities[k])
            for k in order
        ]


def _best(probabilities: list[float]) -> int:
    return max(range(len(probabilities)), key=probabilities.__getitem__)


def read(completion: Completion, entries: list[dict[str, Any]]) -> list[Row]:
    """The rows of an answer in the order of its inputs. Raises InvalidResponse."""
    try:
        positions = [integer(entry["index"]) for entry in entries]
        rows = [_row(completion, entry["label"], entry["probs"], entry.get("num_classes")) for entry in entries]
    except KeyError as missing:
        raise malformed(completion, f"missing field `{missing.args[0]}`") from None
    placed = {position: row for position, row in zip(positions, rows, strict=True) if position is not None}
    if placed.keys() != set(range(len(entries))):
        raise malformed(completion, f"the `index` of the items is not a permutation of 0..{len(entries) - 1}")
    return [placed[position] for position in range(len(entries))]


def _row(completion: Completion, label: Any, probabilities: Any, count: Any) -> Row:
    if label is not None and type(label) is not str:
        raise malformed(completion, "a `label` is not a string")
    if not isinstance(probabilities, list) or not probabilities:
        raise malformed(completion, f"`probs` must be a list of numbers, not {json_kind(probabilities)}")
    if count is not None and count != len(probabilities):
        raise malformed(completion, f"`probs` has {len(probabilities)} items for {count} classes")
    return label, floats(completion, probabilities)
