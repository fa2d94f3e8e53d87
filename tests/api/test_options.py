"""Options: each is a keyword of every method where it has a meaning, a field of a preference, and of the client's."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import (
    CancellationToken,
    OperationCancelled,
    PerformanceClient,
    RequestProcessingPreference,
    TraceContext,
)
from baseten_perf.testing import Server

# A value of each option that is not its default, and what is out of range (or None, where nothing is).
VALUES: dict[str, tuple[Any, Any]] = {
    "max_concurrent_requests": (4, 0),
    "batch_size": (20, 0),
    "timeout_s": (30, 0),
    "max_chars_per_request": (60, 49),
    "pin_initial_endpoint_once": (True, None),
    "hedge_delay": (5, 0.01),
    "total_timeout_s": (20, 0),
    "hedge_budget_pct": (0.5, 4),
    "retry_budget_pct": (0.5, -1),
    "max_retries": (1, 7),
    "initial_backoff_ms": (50, 49),
    "cancel_token": (CancellationToken(), None),
    "primary_api_key_override": ("other", ""),
    "extra_headers": ({"x-team": "search"}, {"a b": "c"}),
    "non_retryable_status_codes": ([503], None),
    "trace_context": (TraceContext("00-a"), TraceContext("")),
    "patience_s": (5, 86401),
    "max_response_bytes": (100000, 1),
    "return_exceptions": (True, None),
    "timings": (True, None),
    "max_tokens_per_request": (5, 0),
    "dedupe": (True, None),
    "progress": (lambda done, total: None, None),
}
OF_BATCHES = {"batch_size", "max_chars_per_request", "max_tokens_per_request", "dedupe"}
CALLS: dict[str, tuple[Any, ...]] = {
    "embed": (["a", "b"], "m"),
    "rerank": ("q", ["a", "b"]),
    "classify": (["a", "b"],),
    "batch_post": ("/x", [1]),
    "batch_system_one": ([{"state": 1}],),
}
METHODS = [*CALLS, *(f"async_{name}" for name in CALLS)]
every_method = pytest.mark.parametrize("method", METHODS)
PAIRS = [
    (method, name)
    for method in METHODS
    for name in VALUES
    if not (name in OF_BATCHES and method.removeprefix("async_").startswith("batch"))
]


def called(client: PerformanceClient, method: str, **options: Any) -> Any:
    """Call a method, and wait for it if it is an asynchronous one."""
    arguments = CALLS[method.removeprefix("async_")]

    async def awaited() -> Any:
        return await getattr(client, method)(*arguments, **options)

    return asyncio.run(awaited()) if method.startswith("async_") else getattr(client, method)(*arguments, **options)


@every_method
def test_signatures_have_the_options_that_have_a_meaning(method: str) -> None:
    names = set(inspect.signature(getattr(PerformanceClient, method)).parameters)
    assert set(VALUES) & names == {name for pair, name in PAIRS if pair == method}
    assert set(VALUES) == set(inspect.signature(RequestProcessingPreference).parameters)


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_every_option_is_a_keyword(client: PerformanceClient, server: Server, method: str, name: str) -> None:
    value, refused = VALUES[name]
    preference = RequestProcessingPreference(**{name: value})
    given = called(client, method, **{name: value})
    assert given.data == called(client, method, preference=preference).data
    if refused is not None:
        answered = server.statistics().requests
        with pytest.raises(ValueError) as by_keyword:
            called(client, method, **{name: refused})
        with pytest.raises(ValueError) as by_preference:
            called(client, method, preference=RequestProcessingPreference(**{name: refused}))
        assert str(by_keyword.value) == str(by_preference.value)
        assert server.statistics().requests == answered


@every_method
def test_keywords_that_show_on_the_wire(client: PerformanceClient, server: Server, method: str) -> None:
    called(
        client, method, primary_api_key_override="other", extra_headers={"X-Team": "search"}, timeout_s=7,
        trace_context=TraceContext("00-a", "b=c"), max_response_bytes=2**30, return_exceptions=False,
    )  # fmt: skip
    (request,) = server.requests()
    assert request.header("authorization") == "Bearer other"
    assert request.header("x-team") == "search"
    assert request.header("request-timeout-ms") == "7000"
    assert (request.header("traceparent"), request.header("tracestate")) == ("00-a", "b=c")


@every_method
def test_keywords_about_retries(server: Server, method: str) -> None:
    client = PerformanceClient(server.faulty(status=503), "k")
    for options, attempts in (
        ({"max_retries": 0}, 1), ({"max_retries": 1, "initial_backoff_ms": 50}, 2),
        ({"non_retryable_status_codes": {503}}, 1),
    ):  # fmt: skip
        server.reset()
        with pytest.raises(requests.exceptions.HTTPError) as caught:
            called(client, method, **options, patience_s=0)
        assert caught.value.attempts == attempts == server.statistics().requests  # type: ignore[attr-defined]


@every_method
def test_a_token_by_keyword(client: PerformanceClient, server: Server, method: str) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(OperationCancelled):
        called(client, method, cancel_token=token)
    assert server.statistics().requests == 0


@every_method
def test_custom_headers_are_for_payloads(client: PerformanceClient, server: Server, method: str) -> None:
    if method.removeprefix("async_").startswith("batch"):
        called(client, method, extra_headers={"x-a": "1", "x-b": "2"}, custom_headers={"X-B": "3"})
        assert [server.requests()[0].header(name) for name in ("x-a", "x-b")] == ["1", "3"]
    else:
        with pytest.raises(TypeError, match="unexpected keyword argument 'custom_headers'"):
            called(client, method, custom_headers={})


@every_method
def test_a_client_s_preference_is_for_all_its_calls(server: Server, method: str) -> None:
    preference = RequestProcessingPreference(timeout_s=20, extra_headers={"x-team": "search"})
    client = PerformanceClient(server.url, "k", preference=preference)
    of_call = RequestProcessingPreference(timeout_s=30, primary_api_key_override="other")
    expected = [
        ({}, "20000", "Bearer k"),
        ({"preference": None}, "20000", "Bearer k"),
        ({"timeout_s": 10}, "10000", "Bearer k"),
        ({"preference": of_call}, "30000", "Bearer other"),
        ({"preference": of_call, "timeout_s": 10}, "10000", "Bearer other"),
    ]
    for options, _, _ in expected:
        called(client, method, **options)
    preference.timeout_s = 40
    called(client, method)
    expected.append(({}, "40000", "Bearer k"))
    for request, (_, timeout_ms, authorization) in zip(server.requests(), expected, strict=True):
        assert request.header("request-timeout-ms") == timeout_ms
        assert request.header("authorization") == authorization
        assert request.header("x-team") == "search"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
def test_a_client_s_preference_travels_with_it(server: Server, duplicate: Callable[[Any], Any]) -> None:
    client = PerformanceClient(server.url, "k", preference=RequestProcessingPreference(timeout_s=20))
    duplicate(client).batch_post("/x", [1])
    assert server.requests()[0].header("request-timeout-ms") == "20000"


@pytest.mark.parametrize("wrong", ["fast", 5, {"batch_size": 8}])
def test_what_is_no_preference(server: Server, wrong: Any) -> None:
    with pytest.raises(TypeError, match="preference must be an instance of RequestProcessingPreference, not "):
        PerformanceClient(server.url, "k", preference=wrong)


@every_method
def test_total_timeout_alone_shortens_the_timeout(client: PerformanceClient, server: Server, method: str) -> None:
    called(client, method, total_timeout_s=5)
    called(client, method, preference=RequestProcessingPreference(total_timeout_s=6))
    assert [request.header("request-timeout-ms") for request in server.requests()] == ["5000", "6000"]


@pytest.mark.parametrize("name", ["embed", "rerank", "classify"])
@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"timeout_s": 60}, [128, 22]),
        ({"timeout_s": 60, "max_retries": None}, [128, 22]),
        ({"timeout_s": 60, "max_retries": 4}, [8] * 18 + [6]),
        ({"timeout_s": 60, "preference": RequestProcessingPreference()}, [8] * 18 + [6]),
        ({"batch_size": 100, "patience_s": 3}, [100, 50]),
    ],
    ids=str,
)
def test_defaults_of_0_0_x_are_for_its_keywords_alone(
    client: PerformanceClient, server: Server, name: str, options: dict[str, Any], sizes: list[int]
) -> None:
    first = ("q",) if name == "rerank" else ()
    last = ("m",) if name == "embed" else ()
    getattr(client, name)(*first, [f"text {i}" for i in range(150)], *last, **options)
    assert sorted((request.body.count(b'"text ') for request in server.requests()), reverse=True) == sizes
