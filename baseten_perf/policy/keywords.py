"""CallOptions: the options as keywords of methods, for type checkers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypedDict

from ..cancellation import CancellationToken
from ..http.trace import TraceContext

if TYPE_CHECKING:
    from ..responses.answers import ReturnExceptions


class Updatable(Protocol):
    """A bar like those of tqdm."""

    def update(self, n: int, /) -> object:
        """So many more inputs are done."""


# A callable gets the number of inputs that are done, and of all, None where that is not known.
Progress = bool | Callable[[int, int | None], object] | Updatable


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
