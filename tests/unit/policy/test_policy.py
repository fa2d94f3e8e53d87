"""resolve: defaults of both call styles, precedence, ranges and messages."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy
import pytest

from baseten_perf.cancellation import CancellationToken
from baseten_perf.http.trace import TraceContext
from baseten_perf.policy import DEFAULT, Policy, resolve
from baseten_perf.policy import RequestProcessingPreference as Preference
from baseten_perf.policy.call_options import OF_BATCHES
from baseten_perf.policy.resolve import ALL, policy_of

NICE = (
    "max_concurrent_requests must be less than 512 when batch_size is less than 16. Please be nice to the server side."
)


def layered(preference: Preference | None, client: Preference | None, **options: Any) -> Policy:
    """The policy of a call of a client that has a preference of its own."""
    return policy_of(ALL, preference, client, options)


def posted(preference: Preference | None = None, **options: Any) -> Policy:
    """The policy of a call that sends one request per payload."""
    return policy_of(ALL - OF_BATCHES, preference, None, options)


def test_defaults_without_anything() -> None:
    policy = resolve()
    assert policy is posted() is DEFAULT
    assert (policy.max_concurrent_requests, policy.batch_size, policy.max_chars_per_request) == (256, 8, 8000)
    assert (policy.timeout_s, policy.total_timeout_s, policy.hedge_delay) == (3600.0, None, None)
    assert (policy.hedge_budget_pct, policy.retry_budget_pct) == (0.1, 0.05)
    assert (policy.max_retries, policy.initial_backoff_ms) == (5, 125)
    assert policy.extra_headers is None and policy.non_retryable_status_codes == frozenset()
    assert policy.primary_api_key_override is None
    assert (policy.patience_s, policy.max_response_bytes) == (120.0, 256 * 1024 * 1024)
    assert (policy.pin_initial_endpoint_once, policy.cancel_token, policy.trace_context) == (False, None, None)
    assert resolve(Preference()) == policy


@pytest.mark.parametrize(
    "keyword",
    [
        {"timeout_s": 360},
        {"batch_size": 128},
        {"max_concurrent_requests": 128},
        {"hedge_delay": 0.5},
        {"total_timeout_s": 4000},
        {"custom_headers": {}},
    ],
)
def test_keywords_of_0_0_x_alone_select_its_defaults(keyword: dict[str, Any]) -> None:
    policy = resolve(**keyword)
    assert (policy.max_concurrent_requests, policy.batch_size, policy.max_chars_per_request) == (128, 128, None)
    assert policy.max_retries == 4


@pytest.mark.parametrize(
    "newer",
    [{"max_retries": 4}, {"patience_s": 1}, {"extra_headers": {}}, {"cancel_token": CancellationToken()},
     {"non_retryable_status_codes": [500]}, {"pin_initial_endpoint_once": False}],
    ids=str,
)  # fmt: skip
def test_a_newer_keyword_or_a_preference_selects_the_newer_defaults(newer: dict[str, Any]) -> None:
    for policy in (resolve(**newer), resolve(**newer, timeout_s=360), resolve(Preference(), timeout_s=360),
                   layered(None, Preference(), timeout_s=360)):  # fmt: skip
        assert (policy.max_concurrent_requests, policy.batch_size, policy.max_chars_per_request) == (256, 8, 8000)


def test_none_is_no_keyword() -> None:
    assert resolve(timeout_s=None, max_retries=None, custom_headers=None) == DEFAULT
    assert resolve(timeout_s=360, max_retries=None).batch_size == 128


def test_a_call_s_preference_overrides_the_client_s_and_a_keyword_both() -> None:
    client = Preference(batch_size=2, max_retries=2, timeout_s=20, extra_headers={"a": "1"})
    call = Preference(max_retries=3, timeout_s=30)
    for policy in (layered(call, client, timeout_s=40), layered(call, client, timeout_s=40, custom_headers={"b": "2"})):
        assert (policy.batch_size, policy.max_retries, policy.timeout_s) == (2, 3, 40.0)
        assert policy.max_concurrent_requests == 256
    assert policy.extra_headers == {"a": "1", "b": "2"}
    assert layered(None, client).batch_size == 2
    assert layered(None, client) is layered(None, client)
    call.max_chars_per_request = None
    assert layered(call, client).max_chars_per_request is None


def test_equal_calls_have_one_policy() -> None:
    """What is set up for a policy serves the calls that follow."""
    client, call = Preference(batch_size=2), Preference(max_retries=3)
    for given in ((None, None), (call, None), (call, client), (None, client)):
        first = layered(*given, timeout_s=5, max_concurrent_requests=7)
        assert layered(*given, timeout_s=5, max_concurrent_requests=7) is first
    assert resolve(Preference(batch_size=3)) is resolve(Preference(batch_size=3))
    assert resolve(non_retryable_status_codes={500}) is resolve(non_retryable_status_codes=[500])


def test_a_collection_that_has_changed_is_read_anew() -> None:
    class Codes(list[int]):
        __hash__ = object.__hash__  # type: ignore[assignment]

    codes = Codes([500])
    assert resolve(non_retryable_status_codes=codes).non_retryable_status_codes == {500}
    codes.append(503)
    assert resolve(non_retryable_status_codes=codes).non_retryable_status_codes == {500, 503}


@pytest.mark.parametrize(
    "passing",
    [{"cancel_token": CancellationToken()}, {"primary_api_key_override": "k"}, {"extra_headers": {"a": "b"}},
     {"trace_context": TraceContext("00-a")}],
    ids=str,
)  # fmt: skip
def test_keys_headers_and_tokens_of_a_call_are_not_kept(passing: dict[str, Any]) -> None:
    for first, second in (
        (resolve(**passing), resolve(**passing)),
        (resolve(Preference(**passing)), resolve(Preference(**passing))),
        (layered(Preference(), Preference(**passing)), layered(Preference(), Preference(**passing))),
    ):
        assert first == second and first is not second


def test_total_timeout_alone_shortens_the_timeout_that_nobody_set() -> None:
    for policy in (
        resolve(total_timeout_s=5), resolve(Preference(total_timeout_s=5)), resolve(Preference(), total_timeout_s=5),
        layered(Preference(batch_size=9), Preference(total_timeout_s=5)),
    ):  # fmt: skip
        assert (policy.timeout_s, policy.total_timeout_s) == (5.0, 5.0)
    assert resolve(total_timeout_s=5000).timeout_s == 3600.0
    for call in (
        lambda: resolve(total_timeout_s=5, timeout_s=6), lambda: resolve(Preference(timeout_s=6), total_timeout_s=5),
        lambda: layered(Preference(total_timeout_s=5), Preference(timeout_s=6)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"Total timeout 5\.000s must be greater than or equal to .* 6\.000s"):
            call()


@pytest.mark.parametrize("preference", [None, Preference()])
def test_an_unknown_keyword_is_refused_with_the_nearest(preference: Any) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'batchsize'\. Did you mean 'batch_size'\?$"):
        resolve(preference, batchsize=4)


def test_keywords_override_the_preference_whose_rest_keeps_its_defaults() -> None:
    preference = Preference(batch_size=32, max_retries=2)
    policy = resolve(preference, batch_size=64, timeout_s=5)
    assert (policy.batch_size, policy.timeout_s, policy.max_retries) == (64, 5.0, 2)
    assert (policy.max_concurrent_requests, policy.max_chars_per_request) == (256, 8000)
    assert resolve(preference).batch_size == 32


def test_custom_headers_merge_over_extra_headers_whatever_the_case() -> None:
    preference = Preference(extra_headers={"X-A": "1", "X-B": "2"})
    assert resolve(preference, custom_headers={"x-a": "3", "x-c": "4"}).extra_headers == {
        "X-B": "2",
        "x-a": "3",
        "x-c": "4",
    }
    assert resolve(preference, extra_headers={"x-c": "4"}).extra_headers == {"x-c": "4"}
    assert resolve(extra_headers={"A": "1", "B": "2"}, custom_headers={"b": "3"}).extra_headers == {"A": "1", "b": "3"}


def test_lifted_character_limit() -> None:
    preference = Preference()
    preference.max_chars_per_request = None
    assert resolve(preference).max_chars_per_request is None


def test_fields_that_only_preferences_have_are_taken_over() -> None:
    token, trace = CancellationToken(), TraceContext("00-a", "b=c")
    preference = Preference(
        pin_initial_endpoint_once=True, cancel_token=token, trace_context=trace, non_retryable_status_codes=[500]
    )
    for policy in (resolve(preference), resolve(preference, batch_size=4), resolve(preference, custom_headers={})):
        assert policy.pin_initial_endpoint_once is True
        assert policy.cancel_token == token and policy.trace_context == trace
        assert policy.non_retryable_status_codes == frozenset({500})
    assert resolve(Preference(pin_initial_endpoint_once=True)).pin_initial_endpoint_once
    assert not resolve(Preference(pin_initial_endpoint_once=False)).pin_initial_endpoint_once


def test_policies_of_tokens_are_not_mixed_up() -> None:
    tokens = [CancellationToken() for _ in range(3)]
    assert [resolve(Preference(cancel_token=token)).cancel_token for token in tokens] == tokens


def test_trace_headers_of_a_call_collide_with_a_trace_context() -> None:
    with pytest.raises(ValueError, match="trace_context cannot be combined with trace headers"):
        resolve(Preference(trace_context=TraceContext("00-a")), custom_headers={"Traceparent": "00-b"})


def test_a_changed_preference_is_resolved_anew() -> None:
    preference = Preference(batch_size=9)
    first = resolve(preference)
    assert resolve(preference) is first
    preference.batch_size = 10
    assert resolve(preference).batch_size == 10 and first.batch_size == 9


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timeout_s": 0.05}, "Timeout 0.050s is outside the allowed range [0.100s, 3600.000s]."),
        ({"timeout_s": 3601}, "Timeout 3601.000s is outside the allowed range [0.100s, 3600.000s]."),
        ({"timeout_s": math.nan}, "Timeout NaNs is outside the allowed range [0.100s, 3600.000s]."),
        (
            {"total_timeout_s": 0.05},
            "Total timeout 0.050s must be greater than or equal to individual request timeout 0.100s.",
        ),
        (
            {"total_timeout_s": 5, "timeout_s": 5.5},
            "Total timeout 5.000s must be greater than or equal to individual request timeout 5.500s.",
        ),
        ({"total_timeout_s": math.inf}, "Total timeout infs must be a finite number of seconds."),
        ({"total_timeout_s": math.nan}, "Total timeout NaNs must be a finite number of seconds."),
        ({"hedge_delay": 0.044}, "Hedge delay 0.044s is outside the allowed range [0.045s, 3600.000s]."),
        (
            {"hedge_delay": 0.96, "timeout_s": 1},
            "Hedge delay 0.960s must be less than timeout minus minimum hedge delay (1.000s -0.045s).",
        ),
        ({"max_chars_per_request": 49}, "max_chars_per_request must be between 50 and 1048576 characters."),
        ({"max_chars_per_request": 1048577}, "max_chars_per_request must be between 50 and 1048576 characters."),
        (
            {"max_concurrent_requests": 0},
            "max_concurrent_requests must be greater than 0 and less than or equal to 1024",
        ),
        (
            {"max_concurrent_requests": 1025},
            "max_concurrent_requests must be greater than 0 and less than or equal to 1024",
        ),
        ({"batch_size": 0}, "batch_size must be greater than 0 and less than or equal to 1024"),
        ({"batch_size": 1025}, "batch_size must be greater than 0 and less than or equal to 1024"),
        ({"max_concurrent_requests": 513, "batch_size": 15}, NICE),
        ({"batch_size": 0, "timeout_s": 0}, "Timeout 0.000s is outside the allowed range [0.100s, 3600.000s]."),
    ],
)
def test_ranges_in_both_styles(fields: dict[str, Any], message: str) -> None:
    for call in (lambda: resolve(Preference(**fields)), lambda: resolve(**fields)):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hedge_budget_pct": -0.1}, "hedge_budget_pct cannot be negative"),
        ({"hedge_budget_pct": 3.1}, "hedge_budget_pct cannot exceed 3 (300%)"),
        ({"retry_budget_pct": -0.1}, "retry_budget_pct cannot be negative"),
        ({"retry_budget_pct": math.inf}, "retry_budget_pct cannot exceed 3 (300%)"),
        ({"retry_budget_pct": math.nan}, "retry_budget_pct must be a number"),
        ({"max_retries": 7}, "max_retries cannot exceed 6"),
        ({"initial_backoff_ms": 49}, "initial_backoff_ms must be between 50 and 45000 milliseconds"),
        ({"initial_backoff_ms": 45001}, "initial_backoff_ms must be between 50 and 45000 milliseconds"),
        ({"primary_api_key_override": ""}, "API key cannot be empty"),
        ({"patience_s": -0.5}, "patience_s must be between 0 and 86400 seconds"),
        ({"patience_s": 86401}, "patience_s must be between 0 and 86400 seconds"),
        ({"patience_s": math.nan}, "patience_s must be between 0 and 86400 seconds"),
        ({"max_response_bytes": 1023}, "max_response_bytes must be between 1024 and 1099511627776 bytes"),
        ({"max_response_bytes": 2**40 + 1}, "max_response_bytes must be between 1024 and 1099511627776 bytes"),
        ({"trace_context": TraceContext("")}, "invalid traceparent header"),
        ({"trace_context": TraceContext("00-a", "")}, "invalid tracestate header"),
        (
            {"trace_context": TraceContext("00-a"), "extra_headers": {"TraceState": "b=c"}},
            "trace_context cannot be combined with trace headers in extra_headers",
        ),
    ],
)
def test_ranges_of_newer_options(fields: dict[str, Any], message: str) -> None:
    for call in (lambda: resolve(Preference(**fields)), lambda: resolve(**fields), lambda: posted(**fields)):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == message


def test_auto_is_bounded_by_the_batch_size() -> None:
    for policy, most in (
        (resolve(Preference(max_concurrent_requests="auto")), 512),
        (resolve(max_concurrent_requests="auto"), 1024),
        (resolve(max_concurrent_requests="auto", batch_size=15), 512),
        (resolve(Preference(max_concurrent_requests="auto"), batch_size=16), 1024),
    ):
        assert policy.max_concurrent_requests == "auto"
        assert policy.limits()["adaptive"] is True
        assert policy.limits()["concurrency"] == policy.most_requests == most
    assert resolve(max_concurrent_requests=7).limits()["adaptive"] is False


@pytest.mark.parametrize(
    ("keyword", "error", "message"),
    [
        ({"batch_size": "8"}, TypeError, "batch_size must be an int, not str"),
        ({"batch_size": 8.0}, TypeError, "batch_size must be an int, not float"),
        ({"batch_size": [8]}, TypeError, "batch_size must be an int, not list"),
        ({"max_concurrent_requests": "8"}, TypeError, "max_concurrent_requests must be an int or 'auto', not '8'"),
        ({"timeout_s": "8"}, TypeError, "timeout_s must be a number, not str"),
        ({"custom_headers": [1]}, TypeError, "custom_headers must be a mapping of str to str, not list"),
        ({"batch_size": -1}, OverflowError, "batch_size must not be negative"),
    ],
)
def test_keyword_types(keyword: dict[str, Any], error: type[Exception], message: str) -> None:
    resolve(batch_size=8)  # equal to 8.0, which must be refused all the same
    with pytest.raises(error) as caught:
        resolve(**keyword)
    assert str(caught.value).startswith(message)


def test_preference_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="preference must be an instance of RequestProcessingPreference, not int"):
        resolve(5)  # type: ignore[arg-type]


def test_numpy_numbers_and_bools_become_plain() -> None:
    policy = resolve(batch_size=numpy.int64(4), timeout_s=numpy.float32(0.5), max_concurrent_requests=True)
    assert policy.batch_size == 4 and type(policy.batch_size) is int
    assert type(policy.timeout_s) is float
    assert policy.max_concurrent_requests == 1 and type(policy.max_concurrent_requests) is int


def test_seed_ranges_are_as_wide_as_the_new_ones() -> None:
    policy = resolve(timeout_s=0.1, hedge_delay=0.045, max_chars_per_request=1048576)
    assert policy.hedge_delay == 0.045 and policy.max_chars_per_request == 1048576


def test_the_rule_about_small_batches_spares_batch_post_with_keywords_only() -> None:
    fields: dict[str, Any] = {"max_concurrent_requests": 513}
    for newer in ({}, {"max_retries": 2}):
        assert posted(**fields, **newer).max_concurrent_requests == 513
    with pytest.raises(ValueError, match="Please be nice"):
        posted(Preference(**fields))
    with pytest.raises(ValueError, match="Please be nice"):
        resolve(max_retries=2, **fields)
    assert resolve(Preference(max_concurrent_requests=512)).max_concurrent_requests == 512


def test_bad_headers_and_keys_fail_without_being_echoed() -> None:
    for call in (
        lambda: resolve(Preference(extra_headers={"x": "SECRET\r\n"})),
        lambda: resolve(custom_headers={"x": "SECRET\n"}),
        lambda: resolve(Preference(primary_api_key_override="SECRET\n")),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert "SECRET" not in str(caught.value)


def test_policy_is_frozen_comparable_picklable_and_discreet() -> None:
    policy = resolve(Preference(primary_api_key_override="SECRET", extra_headers={"a": "HIDDEN"}))
    assert policy.primary_api_key_override == "SECRET"
    assert "SECRET" not in repr(policy) and "HIDDEN" not in repr(policy)
    assert pickle.loads(pickle.dumps(policy)) == policy
    with pytest.raises(AttributeError):
        policy.batch_size = 5
    with pytest.raises(AttributeError):
        del policy.batch_size
    assert isinstance(policy, Policy) and not hasattr(policy, "__dict__")
