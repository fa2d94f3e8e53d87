"""The two styles of a call: the older client's keywords, the newer one's preference, in the same places."""

from __future__ import annotations

from collections.abc import Mapping

from .policy import Policy, resolve
from .preference import RequestProcessingPreference

# In the places where the older client took max_concurrent_requests, the newer one takes its preference.
Preference = RequestProcessingPreference | int | None


def policy_of(
    preference: Preference,
    max_concurrent_requests: int | None,
    batch_size: int | None,
    timeout_s: float | None,
    max_chars_per_request: int | None,
    hedge_delay: float | None,
    total_timeout_s: float | None,
) -> Policy | ValueError:
    """The policy of a call; or why there is none, to be raised when nothing is wrong with the call's inputs.

    Raises TypeError or OverflowError.
    """
    if isinstance(preference, int):
        max_concurrent_requests, preference = _only_one(preference, max_concurrent_requests), None
    try:
        return resolve(
            preference,
            max_concurrent_requests=max_concurrent_requests,
            batch_size=batch_size,
            timeout_s=timeout_s,
            max_chars_per_request=max_chars_per_request,
            hedge_delay=hedge_delay,
            total_timeout_s=total_timeout_s,
        )
    except ValueError as refused:
        return refused.with_traceback(None)  # which would keep the caller's frames


def post_policy_of(
    preference: Preference,
    method: str | float | None,
    hedge_delay: float | None,
    total_timeout_s: float | None,
    custom_headers: Mapping[str, str] | None,
    max_concurrent_requests: int | None,
    timeout_s: float | None,
) -> tuple[Policy | ValueError, str | None]:
    """The same for batch_post, and its HTTP method, in whose place the older client took the time-out."""
    if isinstance(preference, int):
        max_concurrent_requests, preference = _only_one(preference, max_concurrent_requests), None
    if method is not None and not isinstance(method, str):
        if timeout_s is not None:
            raise TypeError("argument 'timeout_s' is given twice, by position and by keyword")
        method, timeout_s = None, method
    policy = unbatched_policy_of(
        preference, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
    )
    return policy, method


def unbatched_policy_of(
    preference: RequestProcessingPreference | None,
    hedge_delay: float | None,
    total_timeout_s: float | None,
    custom_headers: Mapping[str, str] | None,
    max_concurrent_requests: int | None,
    timeout_s: float | None,
) -> Policy | ValueError:
    """The same for calls that make one request of each payload."""
    try:
        return resolve(
            preference,
            max_concurrent_requests=max_concurrent_requests,
            timeout_s=timeout_s,
            hedge_delay=hedge_delay,
            total_timeout_s=total_timeout_s,
            custom_headers=custom_headers,
            batched=False,
        )
    except ValueError as refused:
        return refused.with_traceback(None)  # which would keep the caller's frames


def _only_one(max_concurrent_requests: int, keyword: int | None) -> int:
    """What the older client takes in the place of the newer one's `preference`."""
    if keyword is not None:
        raise TypeError("argument 'max_concurrent_requests' is given twice, by position and by keyword")
    return max_concurrent_requests
