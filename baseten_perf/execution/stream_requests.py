"""StreamRequests: the requests of a stream that are under way."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine import Completion, OperationHandle, RequestPlan
    from ..operations.operation import Head
    from .pulled import Pulled
    from .token_costs import TokenCosts

# Pushed requests are handed down together, so many or after such a time: to wake the loops costs more than to push.
FLUSHED_TOGETHER, FLUSH_S = 16, 0.001


class StreamRequests:
    """Used by the thread that its stream is used by. Its length is how many there are.

    Parameters:
        handle: pushes them.
        timings: whether it is kept where their time went.
        plan_of: makes the plan of those that begin with a head of their own.
        costs: of a client with limits of tokens.

    Attributes:
        pushed: how many have been, those made again included.
        held: bytes of bodies.
    """

    __slots__ = (
        "_costs", "_flushed_at", "_handle", "_plan_of", "_timings", "_under_way", "_unflushed", "held", "pushed",
    )  # fmt: skip

    def __init__(
        self,
        handle: OperationHandle,
        timings: bool,
        plan_of: Callable[[Head], RequestPlan] | None,
        costs: TokenCosts | None,
    ) -> None:
        self._handle = handle
        self._timings = timings
        self._plan_of = plan_of
        self._costs = costs
        self._under_way: dict[int, Pulled] = {}  # by request
        self._unflushed = 0
        self._flushed_at = 0.0  # instant of perf_counter
        self.pushed = 0
        self.held = 0

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def room(self) -> bool:
        """Whether another one may be sent."""
        return self._handle.room > 0

    def send(self, pulled: Pulled) -> None:
        operation = pulled.operation
        operation.first = self.pushed
        if self._timings:
            operation.keep_timings()
        body = operation.body(0)
        pulled.size = len(body)
        cost = 0 if self._costs is None else self._costs.expect(self.pushed, operation, 0, body)
        if operation.heads is not None and self._plan_of is not None:
            self._handle.push_planned(body, self._plan_of(operation.heads[0]), cost)
        else:
            self._handle.push(body, 0 if operation.sizes is None else operation.sizes[0], cost)
        self.held += pulled.size
        self._under_way[self.pushed] = pulled
        self.pushed += 1
        self._unflushed += 1
        if self._unflushed >= FLUSHED_TOGETHER or perf_counter() > self._flushed_at + FLUSH_S:
            self.flush()

    @property
    def flushed(self) -> bool:
        """Whether all that was pushed has been handed down: as it is from time to time, while batches are pulled."""
        return not self._unflushed

    def flush(self) -> None:
        """Hand down what has been pushed."""
        if self._unflushed:
            self._handle.flush(0)
            self._unflushed = 0
            self._flushed_at = perf_counter()

    def ended(self, completion: Completion) -> Pulled | None:
        """What was asked for by the request that has ended; None when nothing was under way."""
        pulled = self._under_way.pop(completion.index, None)
        if pulled is not None:
            self.held -= pulled.size
        if self._costs is not None:
            self._costs.settle(completion)
        return pulled

    def clear(self) -> None:
        """Nobody waits for them any more."""
        self._under_way.clear()
