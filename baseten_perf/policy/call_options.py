"""CallOptions: the options as keywords of methods, for type checkers; and which of them a method takes, and where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict

from ..cancellation import CancellationToken
from ..http.trace import TraceContext
from ..validation import by_name, unexpected_keyword
from .description import parameters
from .fields import CUSTOM_HEADERS, OPTIONS
from .preference import RequestProcessingPreference
from .progress import Progress
from .resolve import ALL, Policy, policy_of

if TYPE_CHECKING:
    from ..responses.answers import ReturnExceptions

# Where 0.0.x takes max_concurrent_requests, 0.1.x takes its preference.
Preference = RequestProcessingPreference | int | None

OF_BATCHES = frozenset(name for name, option in OPTIONS.items() if option.batched)


class CallOptions(TypedDict, total=False):
    """What every method takes by keyword, besides `return_exceptions`; the meaning stands in the table (`fields`).

    None means "not given".
    """

    max_concurrent_requests: int | Literal["auto"] | None
    timeout_s: float | None
    pin_initial_endpoint_once: bool | None
    hedge_delay: float | None
    total_timeout_s: float | None
    hedge_budget_pct: float | None
    retry_budget_pct: float | None
    max_retries: int | None
    initial_backoff_ms: int | None
    cancel_token: CancellationToken | None
    primary_api_key_override: str | None
    extra_headers: Mapping[str, str] | None
    non_retryable_status_codes: Collection[int] | None
    trace_context: TraceContext | None
    patience_s: float | None
    max_response_bytes: int | None
    timings: bool | None
    progress: Progress | None


class BatchOptions(CallOptions, total=False):
    """Methods whose requests carry several inputs take these too."""

    batch_size: int | None
    max_chars_per_request: int | None
    max_tokens_per_request: int | None
    dedupe: bool | None


class PostOptions(CallOptions, total=False):
    """Methods that send one request per payload take these too."""

    custom_headers: Mapping[str, str] | None


if TYPE_CHECKING:
    # With the option that decides of what type the response is. Not at run time, where Python 3.10 has no generic one.

    class BatchKeywords(BatchOptions, Generic[ReturnExceptions], total=False):
        """Keywords of methods whose requests carry several inputs."""

        return_exceptions: ReturnExceptions

    class PostKeywords(PostOptions, Generic[ReturnExceptions], total=False):
        """Keywords of methods that send one request per payload."""

        return_exceptions: ReturnExceptions


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
        if positions or (isinstance(preference, int) and self.positions):
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
        own = signature(method).parameters.values()
        by_position = [each for each in own if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
        by_position += parameters(self.positions, Parameter.POSITIONAL_OR_KEYWORD)
        by_keyword = [each for each in own if each.kind is Parameter.KEYWORD_ONLY]
        names = (*OPTIONS, CUSTOM_HEADERS)
        by_keyword += parameters(name for name in names if name in self.names and name not in self.positions)
        return Signature([*by_position, *by_keyword])
