"""RequestProcessingPreference: fields, types, defaults, and its life as a value."""

from __future__ import annotations

import copy
import inspect
import pickle
from http import HTTPStatus

import numpy
import pytest

from baseten_perf.cancellation import CancellationToken
from baseten_perf.http.trace import TraceContext
from baseten_perf.policy import RequestProcessingPreference
from baseten_perf.policy.fields import DEFAULTS

POSITIONAL_ORDER = (
    "max_concurrent_requests",
    "batch_size",
    "timeout_s",
    "max_chars_per_request",
    "pin_initial_endpoint_once",
    "hedge_delay",
    "total_timeout_s",
    "hedge_budget_pct",
    "retry_budget_pct",
    "max_retries",
    "initial_backoff_ms",
    "cancel_token",
    "primary_api_key_override",
    "extra_headers",
    "non_retryable_status_codes",
    "trace_context",
)
KEYWORD_ONLY = (
    "patience_s", "max_response_bytes", "return_exceptions", "timings", "max_tokens_per_request", "dedupe",
    "progress",
)  # fmt: skip


def test_positional_order_is_the_reference_client_s() -> None:
    parameters = inspect.signature(RequestProcessingPreference).parameters
    assert tuple(parameters) == tuple(DEFAULTS) == (*POSITIONAL_ORDER, *KEYWORD_ONLY)
    for name, parameter in parameters.items():
        assert (parameter.kind is inspect.Parameter.KEYWORD_ONLY) == (name in KEYWORD_ONLY)
    with pytest.raises(TypeError, match="takes at most 16 positional arguments"):
        RequestProcessingPreference(*[None] * 17)  # type: ignore[misc]
    with pytest.raises(TypeError, match="got multiple values for argument 'batch_size'"):
        RequestProcessingPreference(1, 2, batch_size=3)  # type: ignore[misc]
    preference = RequestProcessingPreference(12, 16, 60.0, 900)
    assert (preference.max_concurrent_requests, preference.batch_size) == (12, 16)
    assert (preference.timeout_s, preference.max_chars_per_request) == (60.0, 900)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("max_concurrent_requests", 256),
        ("batch_size", 8),
        ("timeout_s", 3600.0),
        ("max_chars_per_request", 8000),
        ("pin_initial_endpoint_once", False),
        ("hedge_delay", None),
        ("total_timeout_s", None),
        ("hedge_budget_pct", 0.1),
        ("retry_budget_pct", 0.05),
        ("max_retries", 5),
        ("initial_backoff_ms", 125),
        ("cancel_token", None),
        ("primary_api_key_override", None),
        ("extra_headers", None),
        ("non_retryable_status_codes", set()),
        ("trace_context", None),
        ("patience_s", 120.0),
        ("max_response_bytes", 268435456),
    ],
)
def test_unset_fields_read_as_their_defaults(name: str, default: object) -> None:
    assert getattr(RequestProcessingPreference.default(), name) == default
    assert getattr(RequestProcessingPreference(**{name: None}), name) == default
    assert DEFAULTS[name] == default


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("batch_size", numpy.int32(9), 9),
        ("batch_size", True, 1),
        ("max_concurrent_requests", "auto", "auto"),
        ("timeout_s", 5, 5.0),
        ("timeout_s", numpy.float32(0.5), 0.5),
        ("pin_initial_endpoint_once", numpy.bool_(True), True),
        ("extra_headers", {"A": "b"}, {"A": "b"}),
        ("non_retryable_status_codes", frozenset({500}), {500}),
        ("non_retryable_status_codes", [500, 500, HTTPStatus.BAD_GATEWAY], {500, 502}),
        ("non_retryable_status_codes", range(500, 503), {500, 501, 502}),
        ("non_retryable_status_codes", numpy.array([500]), {500}),
        ("non_retryable_status_codes", {503: "a"}.keys(), {503}),
        ("trace_context", TraceContext("00-a", "b=c"), TraceContext("00-a", "b=c")),
    ],
)
def test_values_are_converted(name: str, value: object, stored: object) -> None:
    preference = RequestProcessingPreference(**{name: value})
    assert getattr(preference, name) == stored
    assert type(getattr(preference, name)) is type(stored)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("max_retries", "3", TypeError, "max_retries must be an int, not str"),
        ("batch_size", 1.5, TypeError, "batch_size must be an int, not float"),
        ("max_concurrent_requests", 1.5, TypeError, "max_concurrent_requests must be an int or 'auto', not float"),
        ("max_concurrent_requests", "Auto", TypeError, "max_concurrent_requests must be an int or 'auto', not 'Auto'"),
        ("batch_size", -1, OverflowError, "must not be negative"),
        ("batch_size", 2**64, OverflowError, r"must be less than 2\*\*"),
        ("max_retries", 2**32, OverflowError, r"must be less than 2\*\*"),
        ("timeout_s", "1", TypeError, "timeout_s must be a number, not str"),
        ("timeout_s", b"1", TypeError, "must be a number, not bytes"),
        ("timeout_s", 10**400, OverflowError, "too large"),
        ("pin_initial_endpoint_once", 1, TypeError, "must be a bool, not int"),
        ("extra_headers", ["a"], TypeError, "must be a mapping of str to str, not list"),
        ("extra_headers", {"a": 1}, TypeError, "must be a mapping of str to str; it holds an instance of int"),
        ("non_retryable_status_codes", "500", TypeError, "must be a collection of status codes, not str"),
        ("non_retryable_status_codes", {500: 1}, TypeError, "must be a collection of status codes, not dict"),
        (
            "non_retryable_status_codes",
            iter([500]),
            TypeError,
            "must be a collection of status codes, not list_iterator",
        ),
        ("non_retryable_status_codes", 500, TypeError, "must be a collection of status codes, not int"),
        ("cancel_token", True, TypeError, "must be an instance of CancellationToken, not bool"),
        ("trace_context", "00-a", TypeError, "must be an instance of TraceContext, not str"),
        ("non_retryable_status_codes", {70000}, OverflowError, r"must be less than 2\*\*"),
        ("primary_api_key_override", 5, TypeError, "must be a str, not int"),
    ],
)
def test_wrong_types_fail_when_set(name: str, value: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("(", r"\(")):
        RequestProcessingPreference(**{name: value})
    preference = RequestProcessingPreference()
    with pytest.raises(error):
        setattr(preference, name, value)
    assert preference == RequestProcessingPreference()


@pytest.mark.parametrize("name", ["batch_size", "timeout_s", "max_retries", "non_retryable_status_codes"])
def test_none_is_refused_on_attributes_that_need_a_value(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        setattr(RequestProcessingPreference(), name, None)


def test_none_on_the_attribute_lifts_the_character_limit() -> None:
    preference = RequestProcessingPreference(max_chars_per_request=100)
    preference.max_chars_per_request = None
    assert preference.max_chars_per_request is None
    assert preference != RequestProcessingPreference()


def test_unknown_attribute_and_keyword_are_refused() -> None:
    with pytest.raises(AttributeError):
        RequestProcessingPreference().batchsize = 8  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'foo'$"):
        RequestProcessingPreference(foo=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"argument 'batchsize'\. Did you mean 'batch_size'\?$"):
        RequestProcessingPreference(batchsize=1)  # type: ignore[call-arg]


def test_getters_return_copies() -> None:
    given = {"a": "b"}
    preference = RequestProcessingPreference(extra_headers=given, non_retryable_status_codes={500})
    given["c"] = "d"
    preference.extra_headers["e"] = "f"  # type: ignore[index]
    preference.non_retryable_status_codes.add(501)  # type: ignore[union-attr]
    assert preference.extra_headers == {"a": "b"}
    assert preference.non_retryable_status_codes == {500}


def test_equality_is_by_value() -> None:
    assert RequestProcessingPreference() == RequestProcessingPreference(batch_size=8)
    assert RequestProcessingPreference(batch_size=9) != RequestProcessingPreference()
    assert RequestProcessingPreference() != 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(RequestProcessingPreference())


def test_repr_is_python_and_hides_secrets() -> None:
    preference = RequestProcessingPreference(
        hedge_delay=0.5, primary_api_key_override="TOP", extra_headers={"authorization": "SECRET"}
    )
    shown = repr(preference)
    assert shown.startswith("RequestProcessingPreference(max_concurrent_requests=256, batch_size=8, timeout_s=3600.0")
    assert "hedge_delay=0.5" in shown and "pin_initial_endpoint_once=False" in shown
    assert "TOP" not in shown and "SECRET" not in shown
    assert eval(shown) != preference  # valid Python, with dots for the secrets


def test_repr_has_every_field() -> None:
    preference = RequestProcessingPreference(trace_context=TraceContext("00-a"), non_retryable_status_codes=[500])
    shown = repr(preference)
    assert all(f"{name}=" in shown for name in POSITIONAL_ORDER)
    assert "trace_context=TraceContext(traceparent='00-a', tracestate=None)" in shown
    assert eval(shown) == preference


def test_the_token_comes_out_as_an_equal_object() -> None:
    token = CancellationToken()
    preference = RequestProcessingPreference(cancel_token=token)
    assert preference.cancel_token == token and preference.cancel_token is not token
    assert preference == RequestProcessingPreference(cancel_token=token)
    assert preference != RequestProcessingPreference(cancel_token=CancellationToken())
    token.cancel()
    assert preference.cancel_token is not None and preference.cancel_token.is_cancelled()
    preference.cancel_token = None
    assert preference == RequestProcessingPreference()


class Subclass(RequestProcessingPreference):
    def __init__(self, note: str, **fields: object) -> None:
        super().__init__(**fields)  # type: ignore[arg-type]
        self.note = note


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_equal_and_independent(duplicate: object) -> None:
    original = Subclass(
        "n",
        batch_size=9,
        pin_initial_endpoint_once=True,
        extra_headers={"a": "b"},
        primary_api_key_override="k",
        cancel_token=CancellationToken(),
        trace_context=TraceContext("00-a"),
    )
    twin = duplicate(original)  # type: ignore[operator]
    assert twin == original and type(twin) is Subclass and twin.note == "n"
    twin.batch_size = 10
    assert original.batch_size == 9
    assert duplicate(RequestProcessingPreference()) == RequestProcessingPreference()  # type: ignore[operator]
