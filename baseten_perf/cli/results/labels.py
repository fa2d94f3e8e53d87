"""Labels: a journal of labels, in which numbered classes get their names once all answers have told them."""

from __future__ import annotations

from typing import Any

from .journal import Journal


class Labels(Journal):
    """Lists of labels, best first, each with its `label`, its `score` and the number of its `class`.

    vLLM names the best class of each input only. Which names an answer tells depends on what was sent together, and
    that may be another thing in a run that was interrupted; so names are given when the results are read.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[int, str] = {}

    def _seen(self, result: Any) -> None:
        best = result[0]
        if best["label"] != unnamed(best["class"]):
            self._names.setdefault(best["class"], best["label"])

    def read(self, start: int, stop: int) -> list[Any]:
        return [result and list(map(self._named, result)) for result in super().read(start, stop)]

    def _named(self, label: dict[str, Any]) -> dict[str, Any]:
        number, name = label["class"], label["label"]
        if name == unnamed(number):
            name = self._names.get(number, name)
        return {"label": name, "score": label["score"]}


def unnamed(number: int) -> str:
    """What a class is called whose name is not known."""
    return f"LABEL_{number}"
