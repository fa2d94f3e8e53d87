"""Limits: requests and tokens of any minute, as a user tells them of a client or of an endpoint."""

from __future__ import annotations

from typing import Any

from .engine import LimitState
from .validation import positive, real

MOST_PER_MINUTE = 10**12
MOST_SHARES = 65536


class Limits:
    """What at most is sent in any minute, by all calls, threads and event loops under it.

    A second's worth may be sent at once, and the rest at an even pace: both together are the limit.

    Copies are the limits themselves; a pickle has others, as large.

    Parameters:
        max_requests_per_minute, max_tokens_per_minute: 1 to 1000000000000; None for no limit.
        share: how many processes share them, each of which keeps to its part: 1 to 65536.

    Raises TypeError or ValueError naming the argument.

    Attributes:
        state: of the engine; None without any limit.
    """

    __slots__ = ("max_requests_per_minute", "max_tokens_per_minute", "share", "state")

    def __init__(
        self,
        max_requests_per_minute: float | None = None,
        max_tokens_per_minute: float | None = None,
        share: int = 1,
    ) -> None:
        requests = _per_minute("max_requests_per_minute", max_requests_per_minute)
        tokens = _per_minute("max_tokens_per_minute", max_tokens_per_minute)
        if positive("share", share) > MOST_SHARES:
            raise ValueError(f"share must be between 1 and {MOST_SHARES}, not {share}")
        self.max_requests_per_minute = max_requests_per_minute
        self.max_tokens_per_minute = max_tokens_per_minute
        self.share = int(share)
        self.state: LimitState | None = None
        if requests or tokens:
            self.state = LimitState(requests / self.share, tokens / self.share)

    def shown(self) -> str:
        """For the repr of what they belong to: nothing, or keywords with a comma before each."""
        told = {
            "max_requests_per_minute": self.max_requests_per_minute,
            "max_tokens_per_minute": self.max_tokens_per_minute,
            "share": None if self.share == 1 else self.share,
        }
        return "".join(f", {name}={value!r}" for name, value in told.items() if value is not None)

    def __copy__(self) -> Limits:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Limits:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.max_requests_per_minute, self.max_tokens_per_minute, self.share)


def _per_minute(name: str, value: Any) -> float:
    """0 for no limit."""
    if value is None:
        return 0.0
    number = real(name, value)
    if not 1 <= number <= MOST_PER_MINUTE:  # NaN neither
        raise ValueError(f"{name} must be between 1 and {MOST_PER_MINUTE}, not {value!r}")
    return number
