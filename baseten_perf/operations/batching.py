"""Batching: which spans of the inputs go into one request each."""

from __future__ import annotations

from array import array
from collections.abc import Sequence, Sized
from typing import Any

from ..policy import Policy


class Batches:
    """The spans of a list of inputs, one per request, in order and without gaps.

    The length of a text is counted in characters, that of an input of token ids in tokens.

    Attributes:
        starts: number of the first input of each batch (a range when all batches but the last are equally long).
        total: number of inputs.
    """

    __slots__ = ("starts", "total")

    def __init__(self, inputs: Sequence[Sized], policy: Policy) -> None:
        self.total = len(inputs)
        self.starts: Sequence[int] = range(0, self.total, policy.batch_size)
        limit = policy.max_chars_per_request
        # Usually no batch can reach the limit; then there is no need to walk through the inputs.
        if limit is not None and max(map(len, inputs)) * policy.batch_size > limit:
            self.starts = _starts_within(inputs, policy.batch_size, limit)

    @classmethod
    def whole(cls, total: int) -> Batches:
        """All inputs in one batch."""
        batches = cls.__new__(cls)
        batches.total = total
        batches.starts = (0,)
        return batches

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, batch: int) -> tuple[int, int]:
        """First input of a batch, and the first one after it."""
        following = batch + 1
        return self.starts[batch], self.starts[following] if following < len(self.starts) else self.total

    def joined(self, parts: Sequence[list[Any] | None]) -> list[Any]:
        """The items of all batches in order, with None for each input of a batch that has no part."""
        items: list[Any] = []
        for part, size in zip(parts, self.sizes(), strict=True):
            items.extend([None] * size if part is None else part)
        return items

    def sizes(self) -> list[int]:
        """Number of inputs of each batch."""
        starts = self.starts
        if isinstance(starts, range):
            return [starts.step] * (len(starts) - 1) + [self.total - starts[-1]]
        return [end - start for start, end in map(self.span, range(len(self.starts)))]


def _starts_within(inputs: Sequence[Sized], batch_size: int, limit: int) -> array[int]:
    """Close a batch when one more input would exceed the limit; an input longer than that goes alone."""
    starts = array("q", [0])
    first = characters = 0
    for number, length in enumerate(map(len, inputs)):
        characters += length
        if (characters > limit or number - first == batch_size) and number > first:
            starts.append(number)
            first, characters = number, length
    return starts
