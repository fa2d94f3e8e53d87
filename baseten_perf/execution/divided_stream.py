"""DividedStream: batches of a stream once one was refused, and the parts of those that were divided."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .splitting import Splitting

if TYPE_CHECKING:
    from ..engine import Completion
    from ..operations.batch_limit import BatchLimit
    from ..operations.refusal import Refusal
    from .pulled import Pulled
    from .stream_failures import StreamFailures
    from .stream_items import StreamItems
    from .stream_requests import StreamRequests


class DividedStream:
    """Used by the thread that its stream is used by, which it does not refer to.

    Parameters:
        requests, items, failures: the stream's.
        limit: how large its batches may be.
        answered: whether one of them has been.
    """

    __slots__ = ("_failures", "_items", "_parts", "_requests", "_splitting")

    def __init__(
        self,
        requests: StreamRequests,
        items: StreamItems[Any],
        failures: StreamFailures,
        limit: BatchLimit,
        answered: bool,
    ) -> None:
        self._requests = requests
        self._items = items
        self._failures = failures
        self._parts: deque[Pulled] = deque()  # to be sent
        self._splitting: Splitting[Pulled] = Splitting(limit, answered)

    def refused(self, pulled: Pulled, completion: Completion, refusal: Refusal) -> None:
        """A batch of several inputs was refused: it is divided, or waits for that."""
        self._splitting.refused(self, pulled, completion, refusal)

    def failed(self, refusal: Refusal) -> None:
        """A single input was refused."""
        self._splitting.failed(refusal)

    def answered(self, pulled: Pulled) -> None:
        """A request was answered."""
        self._splitting.answered(self, pulled)

    def go_on(self) -> None:
        """Send the parts that there is room for; when nothing is under way any more, look at the batches that wait."""
        if not self._requests and not self._parts:
            self._splitting.settle(self)
        while self._parts and self._requests.room:
            self._requests.send(self._parts.popleft())
        self._requests.flush()

    # What the splitting asks for.

    def lengths(self, pulled: Pulled) -> list[int]:
        return list(map(len, pulled.inputs))

    def divided(self, pulled: Pulled, sizes: Sequence[int], refused: bool) -> Sequence[Pulled]:
        parts = pulled.parts(sizes)
        self._items.expect_parts(parts)
        return parts

    def send(self, pulled: Pulled) -> None:
        self._parts.append(pulled)

    def give_up(self, pulled: Pulled, completion: Completion, refused: bool) -> None:
        pulled.operation.first = completion.index
        self._failures.collect(pulled, completion, self._failures.exception(pulled, completion, None))
