"""Batching: which spans of the inputs go into one request each."""

from __future__ import annotations

from array import array
from collections.abc import Sequence, Sized
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from ..policy import Policy
from .batch_limit import BatchLimit


class Part(NamedTuple):
    """Inputs of a batch that was divided: the first, the first one after them, and the number of that batch."""

    start: int
    end: int
    root: int


class Division(NamedTuple):
    """The parts of all batches that were cut, parts among them; and what took the place of a batch, by its number."""

    parts: list[Part]
    instead: dict[int, range]


class Batches:
    """The spans of a list of inputs, one per request, in order and without gaps.

    The length of a text is counted in characters, that of an input of token ids in tokens. A batch may be divided: its
    parts are batches too, numbered after all others, and it is none any more.

    Attributes:
        starts: number of the first input of each batch (a range when all batches but the last are equally long).
        total: number of inputs.
    """

    __slots__ = ("_division", "starts", "total")

    def __init__(self, inputs: Sequence[Sized], policy: Policy, known: BatchLimit | None = None) -> None:
        self.total = len(inputs)
        self._division: Division | None = None
        size, limit = policy.batch_size, policy.max_chars_per_request
        if known is not None:
            size, limit = min(size, known.inputs), known.characters if limit is None else min(limit, known.characters)
        self.starts: Sequence[int] = range(0, self.total, size)
        # Usually no batch can reach the limit; then there is no need to walk through the inputs.
        if limit is not None and max(map(len, inputs)) * size > limit:
            self.starts = _starts_within(inputs, size, limit)

    @classmethod
    def whole(cls, total: int) -> Batches:
        """All inputs in one batch."""
        self = cls.__new__(cls)
        self.total = total
        self._division, self.starts = None, range(0, total, total)
        return self

    def __len__(self) -> int:
        return len(self.starts) + (0 if self._division is None else len(self._division.parts))

    def span(self, batch: int) -> tuple[int, int]:
        """First input of a batch, and the first one after it."""
        following = batch + 1
        if following < len(self.starts):
            return self.starts[batch], self.starts[following]
        if self._division is None or following == len(self.starts):
            return self.starts[batch], self.total
        part = self._division.parts[batch - len(self.starts)]
        return part.start, part.end

    def cut(self, batch: int, sizes: Sequence[int]) -> range:
        """Numbers for the parts of a batch, which have these sizes; they are batches once they replace it."""
        if self._division is None:
            self._division = Division([], {})
        first, root = len(self), self.undivided(batch)
        ends = list(accumulate(sizes, initial=self.span(batch)[0]))
        self._division.parts.extend([Part(start, end, root) for start, end in pairwise(ends)])
        return range(first, len(self))

    def replace(self, batch: int, parts: range) -> None:
        """Put what `cut` has given in place of a batch: at once, as a signal handler may raise at any moment."""
        assert self._division is not None
        self._division.instead[batch] = parts

    def undivided(self, batch: int) -> int:
        """The batch that this one is a part of; itself if of none."""
        division = self._division
        return batch if division is None or batch < len(self.starts) else division.parts[batch - len(self.starts)].root

    def order(self) -> list[int] | None:
        """The numbers of the batches in the order of their inputs; None when none is divided, and they are in order."""
        if self._division is None:
            return None
        order = []
        left = list(reversed(range(len(self.starts))))
        while left:
            batch = left.pop()
            parts = self._division.instead.get(batch)
            if parts is None:
                order.append(batch)
            else:
                left.extend(reversed(parts))
        return order

    def joined(self, items: Sequence[list[Any] | None]) -> list[Any]:
        """The items of all batches in order, with None for each input of a batch that has none."""
        joined: list[Any] = []
        order = self.order()
        if order is None:
            for each, size in zip(items, self.sizes(), strict=True):
                joined.extend([None] * size if each is None else each)
            return joined
        for batch in order:
            each = items[batch]
            start, end = self.span(batch)
            joined.extend([None] * (end - start) if each is None else each)
        return joined

    def sizes(self) -> list[int]:
        """Number of inputs of each batch, as long as none is divided."""
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
