"""Batching: which inputs go into one request each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from ..policy import Policy
from ._inputs import batch_starts, longest, utf8_length
from .batch_limit import BatchLimit
from .distinct import Distinct
from .token_count import TokenCounter

if TYPE_CHECKING:
    from .columns import Inputs

BY_SIZE = TokenCounter()


class BatchSize(NamedTuple):
    """What one request carries at most. An input that is beyond a limit by itself goes alone.

    Attributes:
        inputs: how many.
        characters: how many in all texts; of inputs of token ids, how many of these.
        tokens: how many in all, as `counter` counts or estimates them.
    """

    inputs: int
    characters: float = inf
    tokens: float = inf
    counter: TokenCounter = BY_SIZE

    @classmethod
    def of(cls, policy: Policy, counter: TokenCounter = BY_SIZE) -> BatchSize:
        """Those that a call asks for."""
        limits = _of_size(policy.batch_size, policy.max_chars_per_request)
        tokens = policy.max_tokens_per_request
        return limits if tokens is None else limits._replace(tokens=tokens, counter=counter)

    def within(self, known: BatchLimit) -> BatchSize:
        """The same, as far as a server takes it."""
        inputs, characters = min(self.inputs, known.inputs), min(self.characters, known.characters)
        return self._replace(inputs=inputs, characters=characters)

    def tokens_of(self, text: str) -> float:
        """Tokens of a text, where these are limited; else 0."""
        if self.tokens == inf:
            return 0
        count = self.counter.count_tokens
        return utf8_length(text) * self.counter.tokens_per_byte if count is None else count(text)

    def starts(self, inputs: Inputs) -> Sequence[int]:
        """Number of the first input of each batch; a range when all batches but the last are equally long."""
        # Usually no batch can reach the limit; then there is no need to walk through the inputs.
        if self.tokens == inf and (self.characters == inf or longest(inputs) * self.inputs <= self.characters):
            return range(0, len(inputs), self.inputs)
        counter = self.counter
        return batch_starts(
            inputs, self.inputs, self.characters, self.tokens, counter.tokens_per_byte, counter.count_tokens
        )


@lru_cache(maxsize=64)
def _of_size(inputs: int, characters: int | None) -> BatchSize:
    return BatchSize(inputs, inf if characters is None else characters)


# For inputs that have been put together to what one request carries.
ONE_BATCH = BatchSize(2**62)
FIRST = (0,)


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
    """The inputs of a call, cut into one span for each request, in order and without gaps.

    A batch may be divided: its parts are batches too, numbered after all others, and it is none any more.

    Parameters:
        inputs: texts, or lists of token ids; in a list, unless Arrow has the texts.
        size: what a span has at most.
        dedupe: whether equal inputs are sent once.

    Attributes:
        total: number of inputs.
        inputs: those that are sent.
        count: how many these are.
        starts: number, among those that are sent, of the first of each batch that is no part.
        distinct: which inputs each one that is sent stands for; None when each stands for itself.
    """

    __slots__ = ("_division", "count", "distinct", "inputs", "starts", "total")

    def __init__(self, inputs: Inputs, size: BatchSize, dedupe: bool = False) -> None:
        self.total = len(inputs)
        self.distinct = Distinct.of(inputs) if dedupe and self.total > 1 else None
        self.inputs: Inputs
        if self.distinct is None:
            self.inputs, self.count = inputs, self.total
        else:
            self.inputs, self.count = self.distinct.inputs, len(self.distinct.inputs)
        self.starts: Sequence[int] = FIRST if size is ONE_BATCH else size.starts(self.inputs)
        self._division: Division | None = None

    def __len__(self) -> int:
        return len(self.starts) + (0 if self._division is None else len(self._division.parts))

    def span(self, batch: int) -> tuple[int, int]:
        """First input of a batch, and the first one after it, among those that are sent."""
        following = batch + 1
        if following < len(self.starts):
            return self.starts[batch], self.starts[following]
        if self._division is None or following == len(self.starts):
            return self.starts[batch], self.count
        part = self._division.parts[batch - len(self.starts)]
        return part.start, part.end

    def sent(self, batch: int) -> Inputs:
        """The inputs that a batch carries."""
        start, end = self.span(batch)
        inputs = self.inputs
        if type(inputs) is list:
            of_list: list[Any] = inputs  # whose slice, when this is compiled, is made without a slice object
            return of_list[start:end]
        return inputs[start:end]

    def numbers(self, batch: int) -> Sequence[int]:
        """Numbers of the inputs that a batch stands for, ascending."""
        span = range(*self.span(batch))
        return span if self.distinct is None else self.distinct.numbers(span)

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
        for batch in self.order() or range(len(self)):
            each = items[batch]
            joined.extend([None] * len(self.numbers(batch)) if each is None else each)
        return joined

    def spread(self, items: Sequence[list[list[Any]] | None]) -> list[Any]:
        """The list of each input, of batches that have one for each that was sent; None where a batch has none."""
        if self.distinct is None:
            return self.joined(items)
        found: list[Any] = []
        for batch in self.order() or range(len(self)):
            each = items[batch]
            start, end = self.span(batch)
            found.extend([None] * (end - start) if each is None else each)
        return [None if found[place] is None else list(found[place]) for place in self.distinct.places]

    def sizes(self) -> list[int]:
        """Number of inputs that each batch carries, as long as none is divided."""
        starts, total = self.starts, self.count
        if starts is FIRST:
            return [total]
        if isinstance(starts, range):
            return [starts.step] * (len(starts) - 1) + [total - starts[-1]]
        return [end - start for start, end in map(self.span, range(len(self.starts)))]
