"""Batched: what operations share whose requests carry several inputs, and how a request is divided into others."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

from ..policy import Policy
from .batch_limit import BatchLimit, BatchLimits
from .batching import Batches
from .operation import Operation

Value = TypeVar("Value")


class Batched(Operation):
    """An operation on a list of inputs, put together to batches.

    Parameters:
        inputs: texts, or token ids of each.
        policy: how they are batched.
        limits: what the client knows of how large batches may be; None for nothing.
        vectors: whether the answers are vectors, one for each input.

    """

    __slots__ = ("_batches", "_inputs", "_limits", "sizes", "total")

    def __init__(
        self,
        name: str,
        path: str,
        inputs: list[Any],
        policy: Policy,
        model: str | None,
        limits: BatchLimits | None,
        vectors: bool = False,
    ) -> None:
        self._inputs = inputs
        self._limits = limits
        self._batches = Batches(inputs, policy, limits.known(path, model, inputs) if limits else None)
        self.total = len(inputs)
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
    def limit(self) -> BatchLimit:
        """How large the client's batches of this kind may be."""
        limits = BatchLimits() if self._limits is None else self._limits
        return limits.of(self.path, self.model, self._inputs)

    def inputs(self, index: int) -> range:
        return range(*self._batches.span(index))

    def lengths(self, index: int) -> list[int]:
        """Characters, or tokens, of each input of request `index`."""
        start, end = self._batches.span(index)
        return list(map(len, self._inputs[start:end]))

    def divide(self, index: int, sizes: Sequence[int]) -> range:
        """Put requests with so many inputs each in place of request `index`; their numbers."""
        numbers = self._batches.cut(index, sizes)
        self.elapsed += [0.0] * len(numbers)
        self.headers += [None] * len(numbers)
        self._add(len(numbers))
        self._batches.replace(index, numbers)
        return numbers

    def part(self, start: int, end: int) -> Batched:
        """The same operation on some of the inputs, in one request, from its beginning."""
        part = copy(self)
        part._inputs = self._inputs[start:end]
        part._batches = Batches.whole(end - start)
        part.total = end - start
        part.sizes = part._batches.sizes()
        part.rows = None if self.rows is None else part.sizes
        part.elapsed, part.headers, part.failures = [0.0], [None], None
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
