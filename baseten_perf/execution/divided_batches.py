"""DividedBatches: a call's batches once one was refused: parts that are to be sent, and batches that were not yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..operations.batched import Batched
from .splitting import Splitting

if TYPE_CHECKING:
    from ..engine import Completion, OperationHandle
    from ..operations.refusal import Refusal
    from .call_failures import CallFailures
    from .token_costs import TokenCosts


class DividedBatches:
    """Used by the thread that its call is used by, which it does not refer to. Batches go by their numbers.

    Parameters:
        handle, operation, costs, failures: the call's.
        sent: how many of its batches have been.
        answered: whether one of them has been.
        ahead: how many requests may be pushed before they are started.
    """

    __slots__ = (
        "_ahead", "_costs", "_failures", "_handle", "_next", "_operation", "_parts", "_pushed", "_splitting",
        "_undivided",
    )  # fmt: skip

    def __init__(
        self,
        handle: OperationHandle,
        operation: Batched,
        costs: TokenCosts | None,
        failures: CallFailures,
        sent: int,
        answered: bool,
        ahead: int,
    ) -> None:
        self._handle = handle
        self._operation = operation
        self._costs = costs
        self._failures = failures
        self._ahead = ahead
        self._undivided = len(operation)  # batches, before any was divided
        self._next = sent  # of these, to be sent
        self._pushed = sent  # requests
        self._parts: deque[int] = deque()  # to be sent
        self._splitting: Splitting[int] = Splitting(operation.limit, answered)

    @property
    def left(self) -> bool:
        """Whether something is left to be sent."""
        return bool(self._parts) or self._next < self._undivided

    def feed(self, most_bytes: int) -> bool:
        """As Call.feed; parts go before the batches that have not been sent."""
        handle, operation, parts = self._handle, self._operation, self._parts
        size = 0
        while size < most_bytes and self._pushed < handle.started + self._ahead and handle.room:
            if not parts and self._next < self._undivided:
                self._splitting.begin(self, self._next)
                self._next += 1
            if not parts:
                break
            number = parts.popleft()
            rows, body = operation.span(number), operation.body(number)
            cost = 0 if self._costs is None else self._costs.expect(number, operation, number, body)
            handle.push_numbered(body, len(rows), number, rows.start, cost)
            size += len(body)
            self._pushed += 1
        more = self.left
        handle.flush(max(1, (self._pushed - handle.started) // 2) if more else 0)
        return more and size >= most_bytes

    def refused(self, completion: Completion, refusal: Refusal) -> None:
        """A batch of several inputs was refused: it is divided, or waits for that."""
        self._splitting.refused(self, completion.index, completion, refusal)

    def failed(self, refusal: Refusal) -> None:
        """A single input was refused."""
        self._splitting.failed(refusal)

    def answered(self, number: int) -> None:
        """A request was answered."""
        self._splitting.answered(self, number)

    def settle(self) -> None:
        """All that has arrived was taken in: those that wait are looked at when nothing is under way any more."""
        if not self._handle.under_way and not self.left:
            self._splitting.settle(self)

    def abandon(self) -> None:
        """The call is over: those that wait fail."""
        self._splitting.abandon(self)

    # What the splitting asks for.

    def lengths(self, number: int) -> list[int]:
        return self._operation.lengths(number)

    def divided(self, number: int, sizes: Sequence[int], refused: bool) -> Sequence[int]:
        numbers = self._operation.divide(number, sizes)
        self._failures.count += len(sizes) - 1
        # What was refused stays a request of the operation; what was not sent is none any more.
        self._handle.expect(len(sizes) if refused else len(sizes) - 1, settled=refused)
        return numbers

    def send(self, number: int) -> None:
        self._parts.append(number)

    def give_up(self, number: int, completion: Completion, refused: bool) -> None:
        self._failures.collect(completion, None, number)
        self._handle.expect(0 if refused else -1, settled=refused)
