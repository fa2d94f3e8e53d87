"""Batched: what operations share whose requests carry several inputs, and how a request is divided into others."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

from ..policy import Policy
from .batching import ONE_BATCH, Batches, BatchLimits
from .learned_limits import LearnedLimit, LearnedLimits
from .operation import Operation

Value = TypeVar("Value")


class Batched(Operation):
    """An operation on a list of inputs, put together to batches.

    Parameters:
        inputs: texts, or token ids of each.
        policy: how they are batched, unless `limits` say so.
        limits: what one request carries at most, or None.
        learned: what the client has learned of that, or None. It counts too, unless `limits` are ONE_BATCH.
        vectors: whether the answers are vectors, one for each input.
    """

    __slots__ = ("_batches", "_learned", "_limits", "sizes", "total")

    def __init__(
        self,
        name: str,
        path: str,
        inputs: list[Any],
        policy: Policy,
        model: str | None,
        limits: BatchLimits | None,
        learned: LearnedLimits | None,
        vectors: bool = False,
    ) -> None:
        self._limits = limits
        self._learned = learned
        limits = limits or BatchLimits.of(policy)
        if learned and limits is not ONE_BATCH:
            limits = limits.within(learned.known(path, model, inputs))
        self._batches = Batches(inputs, limits, policy.dedupe)
        self.total = len(self._batches.inputs)
        self.sizes: Sequence[int] = self._batches.sizes()
        requests = len(self.sizes)
        super().__init__(name, "POST", path, requests, self.sizes if vectors else None, model)
        self._begin(requests)

    def _begin(self, requests: int) -> None:
        """Have room for what the answers of so many requests bring, and nothing taken in."""
        raise NotImplementedError

    def _add(self, requests: int) -> None:
        """Make room for what the answers of so many more requests bring."""
        raise NotImplementedError

    @property
    def limit(self) -> LearnedLimit:
        """What the client has learned of how large batches of this kind may be."""
        learned = LearnedLimits() if self._learned is None else self._learned
        return learned.of(self.path, self.model, self._batches.inputs)

    def inputs(self, index: int) -> Sequence[int]:
        return self._batches.numbers(index)

    def span(self, index: int) -> tuple[int, int]:
        """The first input of request `index`, and the first one after it, among those that are sent."""
        return self._batches.span(index)

    def lengths(self, index: int) -> list[int]:
        """Characters, or tokens, of each input of request `index`."""
        return list(map(len, self._batches.sent(index)))

    def divide(self, index: int, sizes: Sequence[int]) -> range:
        """Put requests with so many inputs each in place of request `index`; their numbers."""
        numbers = self._batches.cut(index, sizes)
        self.elapsed += [0.0] * len(numbers)
        self.headers += [None] * len(numbers)
        if self.timings is not None:
            self.timings.add(len(numbers))
        self._add(len(numbers))
        self._batches.replace(index, numbers)
        return numbers

    def part(self, start: int, end: int) -> Batched:
        """The same operation on some of the inputs, in one request, from its beginning."""
        part = copy(self)
        part._batches = self._batches.part(start, end)
        part.total = len(part._batches.inputs)
        part.sizes = [part.total]
        part.rows = None if self.rows is None else part.sizes
        part.elapsed, part.headers, part.failures = [0.0], [None], None
        if self.timings is not None:
            part.keep_timings()
        part._begin(1)
        return part

    def numbers(self) -> Sequence[int]:
        order = self._batches.order()
        return range(len(self.elapsed)) if order is None else order

    def batch_of(self, index: int) -> int:
        return self._batches.undivided(index)

    def _in_order(self, values: Sequence[Value]) -> Sequence[Value]:
        """What each request has, in the order of the inputs."""
        order = self._batches.order()
        return values if order is None else [values[number] for number in order]

    def _times(self) -> tuple[Any, Any, Any]:
        """What every response tells about its requests: seconds, headers and timings."""
        order = self._batches.order()
        if order is None:
            return self.elapsed, self.headers, self.timings
        timings = None if self.timings is None else self.timings.of(order)
        return self._in_order(self.elapsed), self._in_order(self.headers), timings
