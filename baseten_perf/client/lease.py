"""Lease: what a client has of its connection pool, until one of the two is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..closing import ClosedError

if TYPE_CHECKING:
    from ..connection_pool import HttpClientWrapper
    from ..execution.call import Call
    from ..execution.stream_call import StreamCall


class Lease:
    """The plans that a client has made for its pool, and its calls that are under way.

    Attributes:
        plans: of requests; they keep the pool's engine. Those of a closed lease are no longer looked at.
        calls: under way; they add and discard themselves, see Owner.
        closed_by: class of what was closed; "" as long as nothing was.
    """

    __slots__ = ("__weakref__", "_pool", "calls", "closed_by", "plans")

    def __init__(self, pool: HttpClientWrapper) -> None:
        self.plans: dict[Any, Any] = {}
        self.closed_by = ""
        self.calls: set[Call | StreamCall[Any]] = set()
        self._pool: HttpClientWrapper | None = pool
        pool.add_user(self)

    @property
    def pool(self) -> HttpClientWrapper:
        """The pool. Raises RuntimeError when all is closed."""
        pool = self._pool
        if pool is None:
            raise ClosedError(self.closed_by)
        return pool

    def close(self, closed_by: str) -> None:
        """Stop the calls and let go of the pool, in any thread; may be done again."""
        self.closed_by = self.closed_by or closed_by
        self._pool = None
        # Not emptied: who makes a plan just now puts it into the old ones, and nobody looks for it there.
        plans, self.plans = self.plans, {}
        for call in self.calls.copy():
            call.stop()
        for _, plan, *_ in list(plans.values()):
            plan.release()

    def pool_closed(self) -> None:
        """The pool itself was closed."""
        self.close("HttpClientWrapper")
