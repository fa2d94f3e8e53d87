"""What an exception's text says of the attempts behind it: the request, the system's reason, and why they ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .http.urls import advice
from .outcome import Outcome, Verdict
from .protocols import Completion

if TYPE_CHECKING:
    from .policy import Policy

URL_UNKNOWN = (404, 405)


def details(completion: Completion, *, method: str, url: str, endpoint: str, policy: Policy, count: int) -> str:
    """One line about a request that failed.

    Parameters:
        url: as it may be shown, and so the next.
        endpoint: base URL that it was made of.
        policy: its options are named where they are the reason.
        count: number of requests of the operation, which the budget of retries is a share of.
    """
    reasons = []
    if completion.outcome == Outcome.NETWORK and completion.os_errno:
        reasons.append(os.strerror(completion.os_errno))
    end = _end(completion, policy, count)
    if end:
        reasons.append(end)
    if completion.outcome == Outcome.HTTP_STATUS and completion.status in URL_UNKNOWN:
        reasons.append(advice(endpoint))
    request = f"{method} {url}"
    return f"{request}: {'; '.join(reasons)}" if reasons else request


def _end(completion: Completion, policy: Policy, count: int) -> str:
    """Why there was no further attempt; "" when no attempt brought the end, or nobody can tell."""
    verdict = completion.verdict
    if verdict == Verdict.RETRIES and policy.max_retries > 0:
        return f"gave up after {_times(policy.max_retries, 'retry', 'retries')} (max_retries={policy.max_retries})"
    if verdict == Verdict.PATIENCE and policy.patience_s > 0:
        return f"{_refused(completion)} (patience_s={policy.patience_s:g})"
    if verdict == Verdict.RETRY_AFTER:
        if completion.retry_after_s == 0.0 and policy.total_timeout_s is not None:
            return f"{_refused(completion)} (total_timeout_s={policy.total_timeout_s:g})"
        return f"not waited for: {_too_long(completion, policy)}"
    reason = _reason(completion, policy, count)
    if not reason:
        return ""
    return f"not retried{_again(completion.attempts)}: {reason}"


def _reason(completion: Completion, policy: Policy, count: int) -> str:
    if completion.verdict == Verdict.FINAL_STATUS:
        wish = " (non_retryable_status_codes)" if completion.status in policy.non_retryable_status_codes else ""
        return f"{completion.status} is final{wish}"
    if completion.verdict == Verdict.BUDGET:
        return f"retry_budget_pct={policy.retry_budget_pct:g} used up ({completion.budget} of {count})"
    reasons = {
        Verdict.NOT_TO_RETRY: "x-should-retry: false",
        Verdict.QUOTA: "insufficient_quota",
        Verdict.PERMANENT: "it would fail again in the same way",
        Verdict.RETRIES: "max_retries=0",
        Verdict.PATIENCE: "patience_s=0",
        Verdict.NEVER_RESPONDED: "the endpoint has never answered",
    }
    return reasons.get(Verdict(completion.verdict), "")


def _refused(completion: Completion) -> str:
    text = f"refused for {completion.refused_s:.3g} s, {_times(completion.refusals, 'time', 'times')}"
    if completion.retry_after_s > 0:
        text += f", last Retry-After {completion.retry_after_s:g} s"
    return text


def _too_long(completion: Completion, policy: Policy) -> str:
    asked = f"Retry-After {completion.retry_after_s:g} s"
    if completion.retry_after_s > policy.patience_s or policy.total_timeout_s is None:
        return f"{asked} is longer than patience_s={policy.patience_s:g}"
    return f"{asked} would end after total_timeout_s={policy.total_timeout_s:g}"


def _again(attempts: int) -> str:
    return f" again after {_times(attempts, 'attempt', 'attempts')}" if attempts > 1 else ""


def _times(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
