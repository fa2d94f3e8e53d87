"""StreamWindow: how far ahead of its consumer a stream pulls, so that the network is busy and memory stays flat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engine import RequestPlan
    from .stream_items import StreamItems
    from .stream_requests import StreamRequests

# Batches are pulled ahead of the network, and items kept for their turn, up to this many bytes.
MOST_BYTES_HELD = 16 * 1024 * 1024
# So many windows of batches may be pulled and not given, as long as an earlier one has no answer.
LATER = 4
# So many items at most are given between two looks at the network and the source.
GIVEN_TOGETHER = 8


def window_of(concurrency: int) -> int:
    """How many batches may be pulled and not given."""
    return concurrency + concurrency // 2 + 16


class StreamWindow:
    """Used by the thread that its stream is used by.

    Parameters:
        plan: says how many requests may be in flight.
        requests, items: the stream's.
    """

    __slots__ = ("_concurrency", "_items", "_lead", "_plan", "_requests", "_size")

    def __init__(self, plan: RequestPlan, requests: StreamRequests, items: StreamItems[Any]) -> None:
        self._plan = plan
        self._requests = requests
        self._items = items
        self._concurrency = plan.concurrency
        self._size = window_of(plan.concurrency)
        self._lead = 0  # items that may be given before the network wants more

    def adapt(self) -> None:
        """Look at how many requests may be in flight now, where that varies."""
        if self._plan.adaptive:
            self._concurrency = self._plan.concurrency
            self._size = window_of(self._concurrency)

    @property
    def open(self) -> bool:
        """Whether another batch may be pulled."""
        items, under_way = self._items, len(self._requests)
        held = self._requests.held + items.held
        return (
            items.ungiven < self._size * (1 if items.ready else LATER)
            and under_way < self._size
            and (under_way < self._concurrency or held < MOST_BYTES_HELD)
            and held < 4 * MOST_BYTES_HELD
        )

    @property
    def in_flight(self) -> int:
        """How many requests can be, of those that are under way."""
        return min(len(self._requests), self._concurrency)

    @property
    def leads(self) -> bool:
        """Whether enough has been sent to keep the network busy while another item is given."""
        return self._lead > 0

    def give(self) -> None:
        """An item is about to be given."""
        ahead = len(self._requests) - self._concurrency
        self._lead = self._lead - 1 if self._lead > 0 else min(GIVEN_TOGETHER, ahead)
