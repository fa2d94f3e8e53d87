"""Policy: how the requests of one operation are processed, complete and validated; `resolve` makes it from wishes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from . import headers
from .arguments import real, string_mapping, unsigned
from .cancellation import CancellationToken
from .preference import DEFAULTS, RequestProcessingPreference
from .trace import TraceContext
from .weak import Weak

MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.1, 3600.0
MIN_HEDGE_DELAY_S = 0.045

# Fields that cannot be looked up by value, or must not outlive the preference.
NOT_REMEMBERED = frozenset({"cancel_token", "trace_context", "extra_headers", "primary_api_key_override"})
# What a call with only the older client's keywords gets for those it does not give.
SEED_DEFAULTS: dict[str, Any] = {
    **DEFAULTS,
    "max_concurrent_requests": 128,
    "batch_size": 128,
    "max_chars_per_request": None,
    "max_retries": 4,
}


@dataclass(frozen=True, slots=True)
class Policy(Weak):
    """Every figure an operation needs, validated. Durations are seconds unless the name says otherwise.

    Header values and the API key are kept out of the repr.
    """

    max_concurrent_requests: int
    batch_size: int
    max_chars_per_request: int | None
    timeout_s: float
    total_timeout_s: float | None
    hedge_delay: float | None
    hedge_budget_pct: float
    retry_budget_pct: float
    max_retries: int
    initial_backoff_ms: int
    extra_headers: Mapping[str, str] = field(repr=False)
    non_retryable_status_codes: frozenset[int]
    api_key_override: str | None = field(default=None, repr=False)
    pin_initial_endpoint_once: bool = False
    cancel_token: CancellationToken | None = None
    trace_context: TraceContext | None = None
    patience_s: float = 120.0


def resolve(
    preference: RequestProcessingPreference | None = None,
    *,
    max_concurrent_requests: int | None = None,
    batch_size: int | None = None,
    timeout_s: float | None = None,
    max_chars_per_request: int | None = None,
    hedge_delay: float | None = None,
    total_timeout_s: float | None = None,
    custom_headers: Mapping[str, str] | None = None,
    batched: bool = True,
) -> Policy:
    """Complete and check what a caller asked for.

    An explicit keyword overrides the preference's field, and `custom_headers` are merged over its extra headers.
    What neither gives has the defaults of RequestProcessingPreference; with keywords alone it has the older client's
    (128 concurrent requests, 128 inputs per request, no character limit, 4 retries). None means "not given".

    Parameters:
        batched: False for calls that send one request per payload. With keywords alone they are then free of the
            rule that couples max_concurrent_requests to batch_size.

    Raises TypeError or OverflowError naming the argument, ValueError for a range or a header.
    """
    if preference is not None and not isinstance(preference, RequestProcessingPreference):
        kind = type(preference).__name__
        raise TypeError(f"argument 'preference': '{kind}' object cannot be converted to 'RequestProcessingPreference'")
    keywords = (max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay, total_timeout_s)
    plain = (
        max_concurrent_requests is None and batch_size is None and timeout_s is None
        and max_chars_per_request is None and hedge_delay is None and total_timeout_s is None
    )  # fmt: skip
    if preference is None:
        if custom_headers is None:
            return DEFAULT if plain else _from_keywords(keywords, batched)
        policy = _from_keywords(keywords, batched)
        return replace(policy, extra_headers=headers.checked(string_mapping("custom_headers", custom_headers)))
    values = preference._values
    if plain and custom_headers is None:
        resolved = preference._resolved
        if resolved is None or resolved[0] is not values:
            resolved = preference._resolved = (values, _from_fields(values))
        return resolved[1]
    merged = {**DEFAULTS, **values, **_given(keywords)}
    if custom_headers is not None:
        merged["extra_headers"] = headers.merged(
            merged["extra_headers"] or {}, string_mapping("custom_headers", custom_headers)
        )
    return _checked(merged, True)


Keywords = tuple[Any, Any, Any, Any, Any, Any]


def _from_keywords(keywords: Keywords, batched: bool) -> Policy:
    try:
        return _remembered(keywords, batched, tuple(map(type, keywords)))
    except TypeError:  # unhashable, or of a type that _given refuses by name
        return _checked({**SEED_DEFAULTS, **_given(keywords)}, batched)


@lru_cache(maxsize=128)
def _remembered(keywords: Keywords, batched: bool, types: tuple[type, ...]) -> Policy:
    # `types` keeps 8.0 from finding the policy of 8: equal and of equal hash, but a TypeError.
    return _checked({**SEED_DEFAULTS, **_given(keywords)}, batched)


def _from_fields(values: Mapping[str, Any]) -> Policy:
    if NOT_REMEMBERED.isdisjoint(values):
        return _remembered_fields(tuple(values.items()))
    return _checked({**DEFAULTS, **values}, True)


@lru_cache(maxsize=128)
def _remembered_fields(values: tuple[tuple[str, Any], ...]) -> Policy:
    # Preferences are often made anew for each call. Their fields have exact types, unlike keywords.
    return _checked({**DEFAULTS, **dict(values)}, True)


def _given(keywords: Keywords) -> dict[str, Any]:
    concurrency, batch_size, timeout_s, chars, hedge_delay, total_timeout_s = keywords
    given: dict[str, Any] = {}
    if concurrency is not None:
        given["max_concurrent_requests"] = unsigned("max_concurrent_requests", concurrency)
    if batch_size is not None:
        given["batch_size"] = unsigned("batch_size", batch_size)
    if timeout_s is not None:
        given["timeout_s"] = real("timeout_s", timeout_s)
    if chars is not None:
        given["max_chars_per_request"] = unsigned("max_chars_per_request", chars)
    if hedge_delay is not None:
        given["hedge_delay"] = real("hedge_delay", hedge_delay)
    if total_timeout_s is not None:
        given["total_timeout_s"] = real("total_timeout_s", total_timeout_s)
    return given


def _checked(values: Mapping[str, Any], coupled: bool) -> Policy:
    _check_times(values["timeout_s"], values["total_timeout_s"], values["hedge_delay"])
    _check_sizes(values["max_chars_per_request"], values["max_concurrent_requests"], values["batch_size"], coupled)
    _check_budget("hedge_budget_pct", values["hedge_budget_pct"])
    _check_budget("retry_budget_pct", values["retry_budget_pct"])
    if values["max_retries"] > 6:
        raise ValueError("max_retries cannot exceed 6")
    if not 50 <= values["initial_backoff_ms"] <= 45000:
        raise ValueError("initial_backoff_ms must be between 50 and 45000 milliseconds")
    if values["primary_api_key_override"] is not None:
        headers.check_api_key(values["primary_api_key_override"])
    extra_headers = headers.checked(values["extra_headers"] or {})
    if values["trace_context"] is not None:
        headers.trace_lines(values["trace_context"], extra_headers)
    return Policy(
        max_concurrent_requests=values["max_concurrent_requests"],
        batch_size=values["batch_size"],
        max_chars_per_request=values["max_chars_per_request"],
        timeout_s=values["timeout_s"],
        total_timeout_s=values["total_timeout_s"],
        hedge_delay=values["hedge_delay"],
        hedge_budget_pct=values["hedge_budget_pct"],
        retry_budget_pct=values["retry_budget_pct"],
        max_retries=values["max_retries"],
        initial_backoff_ms=values["initial_backoff_ms"],
        extra_headers=extra_headers,
        non_retryable_status_codes=values["non_retryable_status_codes"],
        api_key_override=values["primary_api_key_override"],
        pin_initial_endpoint_once=values["pin_initial_endpoint_once"],
        cancel_token=values["cancel_token"],
        trace_context=values["trace_context"],
    )


def _check_times(timeout_s: float, total_timeout_s: float | None, hedge_delay: float | None) -> None:
    # Written so that NaN fails every comparison and is refused.
    if not MIN_TIMEOUT_S <= timeout_s <= MAX_TIMEOUT_S:
        raise ValueError(f"Timeout {_seconds(timeout_s)} is outside the allowed range [0.100s, 3600.000s].")
    if total_timeout_s is not None:
        if not math.isfinite(total_timeout_s):
            raise ValueError(f"Total timeout {_seconds(total_timeout_s)} must be a finite number of seconds.")
        if total_timeout_s < timeout_s:
            raise ValueError(
                f"Total timeout {_seconds(total_timeout_s)} must be greater than or equal to individual request "
                f"timeout {_seconds(timeout_s)}."
            )
    if hedge_delay is not None:
        if not MIN_HEDGE_DELAY_S <= hedge_delay <= MAX_TIMEOUT_S:
            raise ValueError(f"Hedge delay {_seconds(hedge_delay)} is outside the allowed range [0.045s, 3600.000s].")
        if hedge_delay >= timeout_s - MIN_HEDGE_DELAY_S:
            raise ValueError(
                f"Hedge delay {_seconds(hedge_delay)} must be less than timeout minus minimum hedge delay "
                f"({_seconds(timeout_s)} -0.045s)."
            )


def _check_sizes(chars: int | None, concurrency: int, batch_size: int, coupled: bool) -> None:
    if chars is not None and not 50 <= chars <= 1048576:
        raise ValueError("max_chars_per_request must be between 50 and 1048576 characters.")
    if not 1 <= concurrency <= 1024:
        raise ValueError("max_concurrent_requests must be greater than 0 and less than or equal to 1024")
    if not 1 <= batch_size <= 1024:
        raise ValueError("batch_size must be greater than 0 and less than or equal to 1024")
    if coupled and concurrency > 512 and batch_size < 16:
        raise ValueError(
            "max_concurrent_requests must be less than 512 when batch_size is less than 16. "
            "Please be nice to the server side."
        )


def _check_budget(name: str, share: float) -> None:
    if math.isnan(share):
        raise ValueError(f"{name} must be a number")
    if share < 0:
        raise ValueError(f"{name} cannot be negative")
    if share > 3:
        raise ValueError(f"{name} cannot exceed 3 (300%)")


def _seconds(duration: float) -> str:
    return "NaNs" if math.isnan(duration) else f"{duration:.3f}s"


DEFAULT: Policy = _checked(DEFAULTS, True)
