"""The table of options: each option of a call is declared here, once.

The fields of RequestProcessingPreference, the checks of keywords, Policy, signatures, docstrings and the README's table
come from it. `keywords` repeats the names and types, for type checkers. An option that the engine reads is also a
parameter of its RequestPlan. `description` evaluates the annotations, which signatures show.
"""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from ..cancellation import CancellationToken
from ..http import headers
from ..late import load
from ..validation import boolean, instance, real, status_codes, string, string_mapping, unsigned, wrong_type
from .option import Copied, Option, Range, Share, seconds
from .progress import checked_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from typing_extensions import dataclass_transform

    from ..http.trace import TraceContext
    from .keywords import Progress
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """What type checkers are told; the one of `typing` is younger than Python 3.10."""
        return lambda decorator: decorator


Table = TypeVar("Table")

MIN_TIMEOUT_S, MIN_HEDGE_DELAY_S, MAX_S = 0.1, 0.045, 3600
# Below this many inputs in a request, at most so many requests at once.
SMALL_BATCH, MAX_SMALL_REQUESTS, MAX_REQUESTS = 16, 512, 1024
# In place of max_concurrent_requests: as many as the engine finds to be of use.
AUTO: Final = "auto"

OUTSIDE = "{value} is outside the allowed range [{low:.3f}s, {high:.3f}s]."
COUNT = "{name} must be greater than 0 and less than or equal to {high}"


@dataclass_transform(field_specifiers=(Option, Copied))
def table(options: type[Table]) -> type[Table]:
    """For type checkers a dataclass: the constructor of a preference takes the options in the order of the table."""
    return options


def _token(name: str, value: Any) -> CancellationToken:
    return instance(name, value, CancellationToken)


def _trace(name: str, value: Any) -> TraceContext:
    kind: type[TraceContext] = load("baseten_perf.http.trace").TraceContext
    return instance(name, value, kind)


def _unsigned32(name: str, value: Any) -> int:
    return unsigned(name, value, 32)


def _requests(name: str, value: Any) -> int | Literal["auto"]:
    if isinstance(value, str):
        if value == AUTO:
            return AUTO
        raise TypeError(f"{name} must be an int or {AUTO!r}, not {str(value)!r}")
    try:
        return unsigned(name, value)
    except TypeError:
        raise wrong_type(name, f"an int or {AUTO!r}", value) from None


def _check_batch(batch_size: int, values: Mapping[str, Any]) -> None:
    requests = values["max_concurrent_requests"]
    if requests != AUTO and requests > MAX_SMALL_REQUESTS and batch_size < SMALL_BATCH:
        raise ValueError(
            f"max_concurrent_requests must be less than {MAX_SMALL_REQUESTS} when batch_size is less than "
            f"{SMALL_BATCH}. Please be nice to the server side."
        )


def _check_total(total: float, values: Mapping[str, Any]) -> None:
    if not math.isfinite(total):
        raise ValueError(f"Total timeout {seconds(total)} must be a finite number of seconds.")
    if total < values["timeout_s"]:
        raise ValueError(
            f"Total timeout {seconds(total)} must be greater than or equal to individual request timeout "
            f"{seconds(values['timeout_s'])}."
        )


def _check_hedge(delay: float, values: Mapping[str, Any]) -> None:
    if delay >= values["timeout_s"] - MIN_HEDGE_DELAY_S:
        raise ValueError(
            f"Hedge delay {seconds(delay)} must be less than timeout minus minimum hedge delay "
            f"({seconds(values['timeout_s'])} -{seconds(MIN_HEDGE_DELAY_S)})."
        )


def _check_trace(trace: TraceContext, values: Mapping[str, Any]) -> None:
    headers.trace_lines(trace, headers.checked(values["extra_headers"] or {}))


@table
class Options:
    """The options, in the order in which the constructor of a preference takes them by position."""

    __slots__ = ()

    max_concurrent_requests: Option[int | Literal["auto"]] = Option(
        default=256, keyword_default=128, older=True, convert=_requests, plan="concurrency",
        range=Range(1, MAX_REQUESTS, COUNT),
        doc=f'requests in flight, {{range}}; or `"{AUTO}"`: from 8 on, as many as raise the throughput, learned for'
        " each endpoint and model",
    )  # fmt: skip
    batch_size: Option[int] = Option(
        default=8, keyword_default=128, older=True, convert=unsigned, batched=True,
        range=Range(1, 1024, COUNT), check=_check_batch,
        doc=f"inputs per request, {{range}}; below {SMALL_BATCH} at most {MAX_SMALL_REQUESTS} requests in flight",
    )  # fmt: skip
    timeout_s: Option[float] = Option(
        default=3600.0, older=True, convert=real, plan="timeout_s",
        range=Range(MIN_TIMEOUT_S, MAX_S, f"Timeout {OUTSIDE}"),
        doc="seconds per attempt, {range}; a shorter `total_timeout_s` shortens the default",
    )  # fmt: skip
    max_chars_per_request: Option[int | None] = Option(
        default=8000, keyword_default=None, older=True, convert=unsigned, batched=True,
        range=Range(50, 1048576, "{name} must be between {low} and {high} characters."),
        doc="characters per request, {range}; None set as an attribute of a preference: no limit",
    )  # fmt: skip
    pin_initial_endpoint_once: Option[bool] = Option(
        default=False, convert=boolean, plan="pinned",
        doc="first attempts of a call all go to one endpoint of the pool",
    )  # fmt: skip
    hedge_delay: Option[float | None] = Option(
        default=None, older=True, convert=real, plan="hedge_delay_s",
        range=Range(MIN_HEDGE_DELAY_S, MAX_S, f"Hedge delay {OUTSIDE}"), check=_check_hedge,
        doc="seconds without any header after which a copy of the request is sent, {range} and less than `timeout_s`"
        f" - {MIN_HEDGE_DELAY_S}",
    )  # fmt: skip
    total_timeout_s: Option[float | None] = Option(
        default=None, older=True, convert=real, plan="total_timeout_s", check=_check_total,
        doc="seconds for the whole call, at least `timeout_s`",
    )  # fmt: skip
    hedge_budget_pct: Option[float] = Option(
        default=0.1, convert=real, plan="hedge_share", range=Share(3),
        doc="share of the requests that may be copied, {range} (at least two copies; 0 switches hedging off)",
    )  # fmt: skip
    retry_budget_pct: Option[float] = Option(
        default=0.05, convert=real, plan="retry_share", range=Share(3),
        doc="share of the requests that may spend retries on time-outs and repeated network failures, {range}",
    )  # fmt: skip
    max_retries: Option[int] = Option(
        default=5, keyword_default=4, convert=_unsigned32, plan="max_retries",
        range=Range(0, 6, "{name} cannot exceed {high}"),
        doc="retries per request, {range}",
    )  # fmt: skip
    initial_backoff_ms: Option[int] = Option(
        default=125, convert=unsigned, plan="initial_backoff_ms",
        range=Range(50, 45000, "{name} must be between {low} and {high} milliseconds"),
        doc="milliseconds before the first retry, {range}; then four times as long each time",
    )  # fmt: skip
    cancel_token: Copied[CancellationToken | None, CancellationToken] = Copied(
        default=None, convert=_token, passing=True, copied=copy,
        doc="a `CancellationToken`: `cancel()` aborts the calls that carry it, from any thread",
    )  # fmt: skip
    primary_api_key_override: Option[str | None] = Option(
        default=None, convert=string, passing=True, secret=True,
        check=lambda key, values: headers.check_api_key(key),
        doc="bearer token instead of the client's",
    )  # fmt: skip
    extra_headers: Copied[dict[str, str] | None, Mapping[str, str]] = Copied(
        default=None, convert=string_mapping, passing=True, secret=True, copied=dict,
        check=lambda given, values: headers.checked(given),
        doc="sent with each request; they replace ours, whatever their case",
    )  # fmt: skip
    non_retryable_status_codes: Copied[set[int], Collection[int]] = Copied(
        default=frozenset(), convert=status_codes, copied=set,
        doc="statuses not to retry, of 408, 409, 429 and 5xx",
    )  # fmt: skip
    trace_context: Option[TraceContext | None] = Option(
        default=None, convert=_trace, passing=True, check=_check_trace,
        doc="`TraceContext(traceparent, tracestate)`, sent with each request; not together with such `extra_headers`",
    )  # fmt: skip
    patience_s: Option[float] = Option(
        default=120.0, convert=real, plan="patience_s", kw_only=True,
        range=Range(0, 86400, "{name} must be between {low} and {high} seconds"),
        doc="seconds without any success on an endpoint after which refused requests fail, {range}; 0: no waiting",
    )  # fmt: skip
    max_response_bytes: Option[int] = Option(
        default=268435456, convert=unsigned, plan="max_response_bytes", kw_only=True,
        range=Range(1024, 2**40, "{name} must be between {low} and {high} bytes"),
        doc="bytes of one response, decoded, {range}",
    )  # fmt: skip
    return_exceptions: Option[bool] = Option(
        default=False, convert=boolean, kw_only=True,
        doc="every request runs to its end, and a refused input fails alone: `data` has None there, `errors` tells why;"
        " else the first failure ends the call",
    )  # fmt: skip
    timings: Option[bool] = Option(
        default=False, convert=boolean, plan="timings", kw_only=True,
        doc="`response.timings` tells where the time of each request went",
    )  # fmt: skip
    max_tokens_per_request: Option[int | None] = Option(
        default=None, convert=unsigned, batched=True, kw_only=True,
        range=Range(1, 2**40, "{name} must be between {low} and {high} tokens"),
        doc="tokens per request, {range}; by the client's `count_tokens`; a text of more goes alone",
    )  # fmt: skip
    dedupe: Option[bool] = Option(
        default=False, convert=boolean, batched=True, kw_only=True,
        doc="equal inputs are sent once (in a stream, those of one request)",
    )  # fmt: skip
    progress: Option[Progress] = Option(
        default=False, convert=checked_progress, passing=True, kw_only=True,
        doc="True for a bar of tqdm's, in a terminal or a notebook; a callable of the numbers of inputs done and of all"
        " (or None); an object with `update(n)`",
    )  # fmt: skip


# A keyword of methods that send one request per payload: 0.0.x's word for `extra_headers`, merged over them.
CUSTOM_HEADERS = "custom_headers"

OPTIONS: dict[str, Option[Any]] = {name: each for name, each in vars(Options).items() if isinstance(each, Option)}
DEFAULTS: dict[str, Any] = {name: option.default for name, option in OPTIONS.items()}
KEYWORD_DEFAULTS: dict[str, Any] = {name: option.keyword_default for name, option in OPTIONS.items()}

# The reference client checks these first, in this order, and then the others as they stand in the table.
CHECKED_FIRST = (
    "timeout_s", "total_timeout_s", "hedge_delay", "max_chars_per_request", "max_concurrent_requests", "batch_size",
)  # fmt: skip
CHECKED: tuple[Option[Any], ...] = tuple(OPTIONS[name] for name in dict.fromkeys((*CHECKED_FIRST, *OPTIONS)))
