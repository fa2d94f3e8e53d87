"""Learned: what a client has learned of its servers, for the operations that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..policy import Policy
from .batch_limit import BatchLimits
from .batching import BatchSize
from .token_count import TokenCounter

if TYPE_CHECKING:
    from .columns import Inputs


class Learned:
    """Of one client, shared by its calls, in all threads.

    Parameters:
        counter: counts tokens, and learns how many a text has.
        refusing: models that have refused base64; None for a client that does not prefer it.

    Attributes:
        batch_limits: how large batches may be.
    """

    __slots__ = ("batch_limits", "counter", "refusing")

    def __init__(self, counter: TokenCounter | None = None, refusing: set[str | None] | None = None) -> None:
        self.counter = TokenCounter() if counter is None else counter
        self.refusing = refusing
        self.batch_limits = BatchLimits()

    def wanted(self, policy: Policy) -> BatchSize:
        """What a request of a call may carry at most, as its caller says."""
        return BatchSize.of(policy, self.counter)

    def batch_size(self, policy: Policy, path: str, model: str | None, inputs: Inputs) -> BatchSize:
        """What a request of a call with these inputs carries at most, as far as servers are known to take it."""
        size = self.wanted(policy)
        known = self.batch_limits.known(path, model, inputs)
        return size if known is None else size.within(known)
