"""Batching: which inputs go into one request each."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

from ..policy import Policy
from ._inputs import batch_starts, utf8_length
from .distinct import Distinct
from .token_count import TokenCounter

BY_SIZE = TokenCounter()


class BatchLimits(NamedTuple):
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
    def of(cls, policy: Policy, counter: TokenCounter = BY_SIZE) -> BatchLimits:
        """Those that a call asks for."""
        characters, tokens = policy.max_chars_per_request, policy.max_tokens_per_request
        return cls(policy.batch_size, inf if characters is None else characters, tokens or inf, counter)

    def within(self, inputs: float = inf, tokens: float = inf) -> BatchLimits:
        """These limits, and others that have been learned of a server."""
        return self._replace(inputs=int(min(self.inputs, inputs)), tokens=min(self.tokens, tokens))

    def tokens_of(self, text: str) -> float:
        """Tokens of a text, where these are limited; else 0."""
        if self.tokens == inf:
            return 0
        count = self.counter.count_tokens
        return utf8_length(text) * self.counter.tokens_per_byte if count is None else count(text)

    def starts(self, inputs: list[Any]) -> Sequence[int]:
        """Number of the first input of each batch; a range when all batches but the last are equally long."""
        # Usually no batch can reach the limit; then there is no need to walk through the inputs.
        if self.tokens == inf and (
            self.characters == inf or max(map(len, inputs)) * self.inputs <= self.characters
        ):
            return range(0, len(inputs), self.inputs)
        counter = self.counter
        return batch_starts(
            inputs, self.inputs, self.characters, self.tokens, counter.tokens_per_byte, counter.count_tokens
        )


# For inputs that have been put together to what one request carries.
ONE_BATCH = BatchLimits(2**62)


class Batches:
    """The inputs of a call, cut into one span for each request, in order and without gaps.

    Parameters:
        inputs: texts, or lists of token ids.
        limits: what a span has at most.
        dedupe: whether equal inputs are sent once.

    Attributes:
        total: number of inputs.
        inputs: those that are sent.
        starts: number, among those that are sent, of the first of each batch.
        distinct: which inputs each one that is sent stands for; None when each stands for itself.
    """

    __slots__ = ("distinct", "inputs", "starts", "total")

    def __init__(self, inputs: list[Any], limits: BatchLimits, dedupe: bool = False) -> None:
        self.total = len(inputs)
        self.distinct = Distinct.of(inputs) if dedupe else None
        self.inputs = inputs if self.distinct is None else self.distinct.inputs
        self.starts = limits.starts(self.inputs)

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, batch: int) -> tuple[int, int]:
        """First input of a batch, and the first one after it, among those that are sent."""
        following = batch + 1
        return self.starts[batch], self.starts[following] if following < len(self.starts) else len(self.inputs)

    def sent(self, batch: int) -> list[Any]:
        """The inputs that a batch carries."""
        start, end = self.span(batch)
        return self.inputs[start:end]

    def numbers(self, batch: int) -> Sequence[int]:
        """Numbers of the inputs that a batch stands for, ascending."""
        span = range(*self.span(batch))
        return span if self.distinct is None else self.distinct.numbers(span)

    def sizes(self) -> list[int]:
        """Number of inputs that each batch carries."""
        starts, total = self.starts, len(self.inputs)
        if isinstance(starts, range):
            return [starts.step] * (len(starts) - 1) + [total - starts[-1]]
        return [end - start for start, end in map(self.span, range(len(self.starts)))]

    def joined(self, parts: Sequence[list[Any] | None]) -> list[Any]:
        """The items of all batches in order, with None for each input of a batch that has no part."""
        items: list[Any] = []
        for batch, part in enumerate(parts):
            items.extend([None] * len(self.numbers(batch)) if part is None else part)
        return items

    def spread(self, parts: Sequence[list[list[Any]] | None]) -> list[Any]:
        """The list of each input, of parts that have one for each input that was sent; None where there is no part."""
        if self.distinct is None:
            return self.joined(parts)
        items: list[Any] = []
        for part, size in zip(parts, self.sizes(), strict=True):
            items.extend([None] * size if part is None else part)
        found = map(items.__getitem__, self.distinct.places)
        return [None if item is None else list(item) for item in found]
