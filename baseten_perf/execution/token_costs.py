"""TokenCosts: what those requests of a call that are under way are expected to cost in tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..outcome import OK

if TYPE_CHECKING:
    from ..engine import Completion
    from ..operations.operation import Operation
    from ..operations.token_count import Expected
    from .token_account import TokenAccount


class TokenCosts:
    """Of one call or stream, of a client that counts tokens.

    Parameters:
        account: the client's.
    """

    __slots__ = ("_account", "_expected")

    def __init__(self, account: TokenAccount) -> None:
        self._account = account
        self._expected: dict[int, Expected] = {}  # by the request's number among those of the engine's operation

    def expect(self, request: int, operation: Operation, index: int, body: bytes) -> int:
        """Tokens that a request is expected to cost: the one with this index in its operation, whose body this is."""
        expected = self._expected[request] = self._account.expect(operation, index, body)
        return expected.tokens

    def settle(self, completion: Completion) -> None:
        """A request has ended; its answer, if there is one, may say what it has cost."""
        expected = self._expected.pop(completion.index, None)
        if expected is not None and completion.outcome == OK:
            self._account.settle(expected, completion)
