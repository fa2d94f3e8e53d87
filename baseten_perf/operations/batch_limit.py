"""BatchLimit: how much an endpoint takes in one request, as far as its refusals have told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .refusal import Refusal

if TYPE_CHECKING:
    from .columns import Inputs

UNLIMITED = 2**62
# Of a limit in tokens, so much is used: other texts have more tokens for the same characters.
USED = 0.9


class BatchLimit:
    """Of one client, for one path, one model, and texts or token ids; shared by its calls, in all threads.

    What a caller asks for is never exceeded for it.

    Attributes:
        inputs: the most inputs of a request.
        characters: the most characters of them all, or tokens where they are token ids.
    """

    __slots__ = ("characters", "inputs")

    def __init__(self) -> None:
        self.inputs = UNLIMITED
        self.characters = UNLIMITED

    def learn(self, refusal: Refusal, lengths: Sequence[int]) -> None:
        """Take in what was said of a request with inputs of these lengths, unless that was within it."""
        if refusal.most is None or refusal.most < 1:
            return
        if refusal.unit == "inputs":
            if refusal.most < len(lengths):
                self.inputs = min(self.inputs, refusal.most)
        elif refusal.asked is not None and refusal.most < refusal.asked:
            characters = int(sum(lengths) * (refusal.most / refusal.asked) * USED)
            self.characters = min(self.characters, max(1, characters))

    def most(self, unit: str) -> int:
        """The limit in "inputs" or "characters"."""
        return self.inputs if unit == "inputs" else self.characters

    def set(self, unit: str, size: int) -> None:
        """A request of this size was accepted, and a larger one was refused for its size."""
        if unit == "inputs":
            self.inputs = size
        else:
            self.characters = size

    def sizes(self, lengths: Sequence[int]) -> list[int]:
        """How many inputs each request has when inputs of these lengths are sent; one that is too long goes alone."""
        sizes: list[int] = []
        count = characters = 0
        for length in lengths:
            if count and (count == self.inputs or characters + length > self.characters):
                sizes.append(count)
                count = characters = 0
            count += 1
            characters += length
        return [*sizes, count]


class BatchLimits(dict[tuple[str, "str | None", bool], BatchLimit]):
    """The limits of one client that are known."""

    __slots__ = ()

    def of(self, path: str, model: str | None, inputs: Inputs) -> BatchLimit:
        """That of requests to this path, for this model, with inputs of this kind."""
        return self.setdefault(kind(path, model, inputs), BatchLimit())

    def known(self, path: str, model: str | None, inputs: Inputs) -> BatchLimit | None:
        """The same, or None as long as nothing is known of it."""
        return self.get(kind(path, model, inputs)) if self else None


def kind(path: str, model: str | None, inputs: Inputs) -> tuple[str, str | None, bool]:
    """What a limit is kept by."""
    return path, model, isinstance(inputs[0], str)
