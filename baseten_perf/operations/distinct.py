"""Distinct: equal inputs of a call as one, and which inputs each one stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..late import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .columns import Inputs


class Distinct:
    """The inputs of a call without repetitions, in the order in which they first come.

    Attributes:
        inputs: each once.
        places: for each input of the call, its number in `inputs`.
    """

    __slots__ = ("_standing_for", "inputs", "places")

    def __init__(self, inputs: list[Any], places: Sequence[int]) -> None:
        self.inputs = inputs
        self.places = places
        self._standing_for: list[list[int]] | None = None

    @classmethod
    def of(cls, inputs: Inputs) -> Distinct | None:
        """Those of texts, or of lists of token ids; None when none is repeated."""
        keys: Iterable[Any] = map(tuple, inputs) if isinstance(inputs[0], list) else inputs
        numbers: dict[Any, int] = {}
        places = load("array").array("q", (numbers.setdefault(key, len(numbers)) for key in keys))
        if len(numbers) == len(places):
            return None
        distinct = [list(key) for key in numbers] if isinstance(inputs[0], list) else list(numbers)
        return cls(distinct, places)

    @property
    def standing_for(self) -> list[list[int]]:
        """For each of `inputs`, the numbers of the call's inputs that it stands for, ascending."""
        if self._standing_for is None:
            self._standing_for = [[] for _ in self.inputs]
            for number, place in enumerate(self.places):
                self._standing_for[place].append(number)
        return self._standing_for

    def numbers(self, span: range) -> list[int]:
        """Numbers of the call's inputs that a span of `inputs` stands for, ascending."""
        return sorted(number for place in span for number in self.standing_for[place])
