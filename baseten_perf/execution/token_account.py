"""TokenAccount: what a client's requests are expected to cost in tokens, and what they have cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..operations.usage import total_tokens

if TYPE_CHECKING:
    from ..engine import Completion, LimitState
    from ..operations.operation import Operation
    from ..operations.token_count import Expected, TokenCounter


class TokenAccount:
    """Of a client with limits of tokens, its own or its endpoints'; any thread may use it.

    Parameters:
        counter: counts tokens.
        limit: the client's, or None.
        route_limits: of the endpoints, in the order of the routes; None where there is none.
    """

    __slots__ = ("_counter", "_limit", "_route_limits")

    def __init__(
        self, counter: TokenCounter, limit: LimitState | None, route_limits: Sequence[LimitState | None]
    ) -> None:
        self._counter = counter
        self._limit = limit
        self._route_limits = route_limits

    def expect(self, operation: Operation, index: int, body: bytes) -> Expected:
        """What request `index`, whose body this is, will cost. Raises what `count_tokens` raises."""
        return self._counter.expect(operation.counted(index, body))

    def settle(self, expected: Expected, completion: Completion) -> None:
        """Take in what the answer says that its request has cost; it may say nothing."""
        counted = total_tokens(completion)
        if counted is None:
            return
        self._counter.correct(expected, counted)
        if self._limit is not None:
            self._limit.settle(expected.tokens, counted)
        limit = self._route_limits[completion.endpoint] if self._route_limits else None
        if limit is not None:
            limit.settle(expected.tokens, counted)
