"""Takes: which options a method takes, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..validation import by_name, unexpected_keyword
from .description import signature
from .fields import CUSTOM_HEADERS, OPTIONS
from .preference import RequestProcessingPreference
from .resolve import ALL, Policy, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from inspect import Signature

# Where 0.0.x takes max_concurrent_requests, 0.1.x takes its preference.
Preference = RequestProcessingPreference | int | None

OF_BATCHES = frozenset(name for name, option in OPTIONS.items() if option.batched)


class Takes:
    """Which options a method takes.

    Parameters:
        positions: those that 0.0.x took by position, after max_concurrent_requests; none for a method that it lacks.
        batched: whether its requests carry several inputs.
    """

    __slots__ = ("names", "positions")

    def __init__(self, *positions: str, batched: bool) -> None:
        self.positions = positions
        self.names = ALL - {CUSTOM_HEADERS} if batched else ALL - OF_BATCHES

    def policy(
        self,
        method: Callable[..., Any],
        defaults: RequestProcessingPreference | None,
        preference: Any,
        positions: tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> Policy | ValueError:
        """The policy of a call of `method`; or why there is none, to be raised when nothing is wrong with the inputs.

        Raises TypeError or OverflowError.
        """
        if positions or (preference is not None and isinstance(preference, int) and self.positions):
            preference, options = self._placed(method, preference, positions, options)
        try:
            return policy_of(self.names, preference, defaults, options)
        except ValueError as refused:
            return refused.with_traceback(None)  # which would keep the caller's frames
        except TypeError:
            for name in options:
                if name not in self.names:
                    known = self.signature(method).parameters
                    raise unexpected_keyword(method.__qualname__, name, known) from None
            raise

    def _placed(
        self, method: Callable[..., Any], preference: Any, positions: tuple[Any, ...], options: Mapping[str, Any]
    ) -> tuple[Any, Mapping[str, Any]]:
        before = method.__code__.co_argcount
        options = by_name(method.__qualname__, self.positions, positions, options, before)
        if not isinstance(preference, int):
            return preference, options
        if options.get("max_concurrent_requests") is not None:
            raise TypeError(f"{method.__qualname__}() got multiple values for argument 'max_concurrent_requests'")
        return None, {**options, "max_concurrent_requests": preference}

    def signature(self, method: Callable[..., Any]) -> Signature:
        """The signature of `method` with its options by name."""
        by_keyword = (name for name in (*OPTIONS, CUSTOM_HEADERS) if name in self.names and name not in self.positions)
        return signature(method, self.positions, by_keyword)
