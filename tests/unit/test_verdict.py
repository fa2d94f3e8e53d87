"""details: the line of an exception about the request, the system's reason and why there was no further attempt."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from baseten_perf.outcome import Outcome, Verdict
from baseten_perf.verdict import details

Make = Callable[..., Any]
BASE = "http://h"
REQUEST = f"POST {BASE}/v1/embeddings"
ADVICE = f"if the URL is wrong: base_url is {BASE}, try one with a path, or url_path="


def line(completion: Any, **options: Any) -> str:
    policy: Any = SimpleNamespace(
        **{
            "max_retries": 5,
            "retry_budget_pct": 0.05,
            "patience_s": 120.0,
            "total_timeout_s": None,
            "non_retryable_status_codes": frozenset(),
            **options,
        }
    )
    told = details(completion, method="POST", url=f"{BASE}/v1/embeddings", endpoint=BASE, policy=policy, count=50)
    assert "\n" not in told
    return told


@pytest.mark.parametrize(
    ("verdict", "fields", "options", "expected"),
    [
        (Verdict.FINAL_STATUS, {"status": 403}, {}, "not retried: 403 is final"),
        (Verdict.FINAL_STATUS, {"status": 403, "attempts": 3}, {}, "not retried again after 3 attempts: 403 is final"),
        (Verdict.FINAL_STATUS, {"status": 404}, {}, f"not retried: 404 is final; {ADVICE}"),
        (Verdict.FINAL_STATUS, {"status": 405}, {}, f"not retried: 405 is final; {ADVICE}"),
        (
            Verdict.FINAL_STATUS, {"status": 503}, {"non_retryable_status_codes": frozenset({503})},
            "not retried: 503 is final (non_retryable_status_codes)",
        ),
        (Verdict.NOT_TO_RETRY, {"status": 429}, {}, "not retried: x-should-retry: false"),
        (Verdict.QUOTA, {"status": 429}, {}, "not retried: insufficient_quota"),
        (Verdict.PERMANENT, {}, {}, "not retried: it would fail again in the same way"),
        (Verdict.RETRIES, {"attempts": 6}, {}, "gave up after 5 retries (max_retries=5)"),
        (Verdict.RETRIES, {"attempts": 2}, {"max_retries": 1}, "gave up after 1 retry (max_retries=1)"),
        (Verdict.RETRIES, {}, {"max_retries": 0}, "not retried: max_retries=0"),
        (Verdict.BUDGET, {"budget": 3}, {}, "not retried: retry_budget_pct=0.05 used up (3 of 50)"),
        (
            Verdict.BUDGET, {"budget": 3, "attempts": 2}, {},
            "not retried again after 2 attempts: retry_budget_pct=0.05 used up (3 of 50)",
        ),
        (
            Verdict.PATIENCE, {"refused_s": 120.0031, "refusals": 34, "retry_after_s": 20.0}, {},
            "refused for 120 s, 34 times, last Retry-After 20 s (patience_s=120)",
        ),
        (
            Verdict.PATIENCE, {"refused_s": 1.514, "refusals": 1}, {"patience_s": 1.5},
            "refused for 1.51 s, 1 time (patience_s=1.5)",
        ),
        (Verdict.PATIENCE, {"refusals": 1}, {"patience_s": 0.0}, "not retried: patience_s=0"),
        (
            Verdict.RETRY_AFTER, {"retry_after_s": 3600.0}, {},
            "not waited for: Retry-After 3600 s is longer than patience_s=120",
        ),
        (
            Verdict.RETRY_AFTER, {"retry_after_s": 60.0}, {"total_timeout_s": 30.0},
            "not waited for: Retry-After 60 s would end after total_timeout_s=30",
        ),
        (
            Verdict.RETRY_AFTER, {"refused_s": 0.41, "refusals": 3}, {"total_timeout_s": 0.5},
            "refused for 0.41 s, 3 times (total_timeout_s=0.5)",
        ),
        (Verdict.NEVER_RESPONDED, {}, {}, "not retried: the endpoint has never answered"),
        (
            Verdict.NEVER_RESPONDED, {"attempts": 3}, {},
            "not retried again after 3 attempts: the endpoint has never answered",
        ),
    ],
)  # fmt: skip
def test_why_it_ended(
    completion: Make, verdict: Verdict, fields: dict[str, Any], options: dict[str, Any], expected: str
) -> None:
    failed = completion(outcome=Outcome.HTTP_STATUS, verdict=verdict, **fields)
    assert line(failed, **options) == f"{REQUEST}: {expected}"


def test_every_verdict_has_words(completion: Make) -> None:
    told = [line(completion(verdict=verdict, status=429, budget=1)) for verdict in Verdict]
    assert told[Verdict.NONE] == REQUEST
    assert len(set(told)) == len(Verdict)


def test_the_system_s_reason(completion: Make) -> None:
    refused = completion(outcome=Outcome.NETWORK, os_errno=errno.ECONNREFUSED)
    assert line(refused) == f"{REQUEST}: {os.strerror(errno.ECONNREFUSED)}"
    refused.verdict = Verdict.NEVER_RESPONDED
    refused.attempts = 3
    assert line(refused) == (
        f"{REQUEST}: {os.strerror(errno.ECONNREFUSED)}; "
        "not retried again after 3 attempts: the endpoint has never answered"
    )


def test_no_reason_of_the_system_where_a_server_has_answered(completion: Make) -> None:
    assert line(completion(outcome=Outcome.HTTP_STATUS, os_errno=errno.ECONNREFUSED)) == REQUEST
