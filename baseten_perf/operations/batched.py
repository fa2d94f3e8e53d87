"""Batched: what operations share whose requests carry several inputs, and how a request is divided into others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..http.headers import MEDIA_TYPES
from ..policy import Policy
from .batch_limit import BatchLimit
from .batching import ONE_BATCH, Batches, BatchSize
from .learned import Learned
from .operation import Operation

if TYPE_CHECKING:
    from .columns import Inputs

Value = TypeVar("Value")


class Batched(Operation):
    """An operation on a list of inputs, put together to batches.

    Attributes:
        total: number of inputs that are sent.
    """

    __slots__ = ("_batches", "_inputs", "_limits")
    filled_anew = Operation.filled_anew | {"_batches", "_inputs", "rows", "sizes", "total"}

    def _prepare_batches(
        self,
        learned: Learned,
        name: str,
        path: str,
        inputs: Inputs,
        policy: Policy,
        model: str | None,
        size: BatchSize | None,
        vectors: bool = False,
    ) -> None:
        """What `__init__` of each kind calls in place of `_prepare`.

        Parameters:
            learned: what the client knows of its servers.
            inputs: texts, or token ids of each; in a list, unless Arrow has the texts.
            policy: how they are batched, within what servers are known to take.
            size: ONE_BATCH, for inputs that have been put together already; else None.
            vectors: whether the answers are vectors, one for each input.
        """
        self._inputs = inputs
        self._limits = learned.batch_limits
        if size is None:
            size = ONE_BATCH if len(inputs) == 1 else learned.batch_size(policy, path, model, inputs)
        self._batches = Batches(inputs, size, policy.dedupe)
        sizes = self._batches.sizes()
        requests = len(sizes)
        rows = sizes if vectors else None
        self._prepare(name, "POST", path, requests, model, MEDIA_TYPES, None, rows, sizes, self._batches.count)
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
        return self._limits.of(self.path, self.model, self._inputs)

    def inputs(self, index: int) -> Sequence[int]:
        return self._batches.numbers(index)

    def span(self, index: int) -> range:
        """The rows of request `index`: numbers among all inputs that are sent."""
        return range(*self._batches.span(index))

    def counted(self, index: int, body: bytes) -> Iterable[Any]:
        return self._batches.sent(index)

    def lengths(self, index: int) -> list[int]:
        """Characters, or tokens, of each input of request `index`."""
        inputs = self._batches.sent(index)
        return list(map(len, inputs)) if isinstance(inputs, list) else inputs.lengths()

    def divide(self, index: int, sizes: Sequence[int]) -> range:
        """Put requests with so many inputs each in place of request `index`; their numbers."""
        numbers = self._batches.cut(index, sizes)
        self.elapsed += [0.0] * len(numbers)
        self.headers += [None] * len(numbers)
        if self.timings is not None:
            self.timings += [None] * len(numbers)
        self._add(len(numbers))
        self._batches.replace(index, numbers)
        return numbers

    def carrying(self, inputs: list[Any], first: int) -> Operation | None:
        twin = self._of_one_request()
        twin._inputs = inputs
        twin._batches = Batches(inputs, ONE_BATCH)
        twin.total = len(inputs)
        twin.sizes = [len(inputs)]
        twin.rows = None if self.rows is None else twin.sizes
        twin._begin(1)
        return twin

    def part(self, start: int, end: int) -> Batched:
        """The same operation on some of the inputs, in one request, from its beginning."""
        part = self._of_one_request()
        part._inputs = self._inputs[start:end]
        part._batches = Batches(part._inputs, ONE_BATCH, self._batches.distinct is not None)
        part.total = part._batches.count
        part.sizes = part._batches.sizes()
        part.rows = None if self.rows is None else part.sizes
        if self.timings is not None:
            part.keep_timings()
        part._begin(1)
        return part

    def numbers(self) -> Sequence[int]:
        order = self._batches.order()
        return range(len(self.elapsed)) if order is None else order

    def batch_of(self, index: int) -> int:
        return self._batches.undivided(index)

    def _kept(self) -> tuple[Sequence[float], Sequence[bytes | None], Sequence[bytes | None] | None]:
        """What each request has, in the order of the inputs: its seconds, headers and timings."""
        order = self._batches.order()
        if order is None:
            return self.elapsed, self.headers, self.timings
        timings = None if self.timings is None else _ordered(self.timings, order)
        return _ordered(self.elapsed, order), _ordered(self.headers, order), timings


def _ordered(values: Sequence[Value], order: list[int]) -> list[Value]:
    return [values[number] for number in order]
