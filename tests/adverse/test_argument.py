"""Arguments out of range or of a wrong type: refused before anything is sent, with the peer's class and message."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

NAN, INF = float("nan"), float("inf")
CONCURRENCY = "max_concurrent_requests must be greater than 0 and less than or equal to 1024"
NICE = (
    "max_concurrent_requests must be less than 512 when batch_size is less than 16. Please be nice to the server side."
)
BATCH = "batch_size must be greater than 0 and less than or equal to 1024"
CHARS = "max_chars_per_request must be between 50 and 1048576 characters."

RANGES: list[tuple[dict[str, Any], str]] = [
    ({"max_concurrent_requests": 0}, CONCURRENCY),
    ({"max_concurrent_requests": 1025, "batch_size": 16}, CONCURRENCY),
    ({"max_concurrent_requests": 513, "batch_size": 15}, NICE),
    ({"batch_size": 0}, BATCH),
    ({"batch_size": 1025}, BATCH),
    ({"max_chars_per_request": 49}, CHARS),
    ({"max_chars_per_request": 1048577}, CHARS),
    ({"timeout_s": 0.05}, "Timeout 0.050s is outside the allowed range [0.100s, 3600.000s]."),
    ({"timeout_s": 3600.5}, "Timeout 3600.500s is outside the allowed range [0.100s, 3600.000s]."),
    ({"timeout_s": -1.0}, "Timeout -1.000s is outside the allowed range [0.100s, 3600.000s]."),
    (
        {"timeout_s": 3.0, "total_timeout_s": 2.0},
        "Total timeout 2.000s must be greater than or equal to individual request timeout 3.000s.",
    ),
    ({"hedge_delay": 0.044}, "Hedge delay 0.044s is outside the allowed range [0.045s, 3600.000s]."),
    (
        {"timeout_s": 1.0, "hedge_delay": 0.96},
        "Hedge delay 0.960s must be less than timeout minus minimum hedge delay (1.000s -0.045s).",
    ),
    ({"hedge_budget_pct": -0.1}, "hedge_budget_pct cannot be negative"),
    ({"hedge_budget_pct": 3.1}, "hedge_budget_pct cannot exceed 3 (300%)"),
    ({"retry_budget_pct": -0.1}, "retry_budget_pct cannot be negative"),
    ({"retry_budget_pct": 3.1}, "retry_budget_pct cannot exceed 3 (300%)"),
    ({"max_retries": 7}, "max_retries cannot exceed 6"),
    ({"initial_backoff_ms": 49}, "initial_backoff_ms must be between 50 and 45000 milliseconds"),
    ({"initial_backoff_ms": 45001}, "initial_backoff_ms must be between 50 and 45000 milliseconds"),
    ({"primary_api_key_override": ""}, "API key cannot be empty"),
]
CALLS: dict[str, Callable[..., Any]] = {
    "embed": lambda client, **given: client.embed(["a"], "m", **given),
    "rerank": lambda client, **given: client.rerank("q", ["a"], **given),
    "classify": lambda client, **given: client.classify(["a"], **given),
    "batch_post": lambda client, **given: client.batch_post("/x", [1], **given),
}
every_operation = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@pytest.mark.parametrize(("fields", "message"), RANGES, ids=str)
@every_operation
def test_ranges(
    client: PerformanceClient, server: Server, call: Callable[..., Any], fields: dict[str, Any], message: str
) -> None:
    preference = RequestProcessingPreference(**fields)
    preferring = PerformanceClient(server.url, "k", preference=preference)
    for refused in (lambda: call(client, preference=preference), lambda: call(preferring)):
        with pytest.raises(ValueError) as caught:
            refused()
        assert str(caught.value) == message
    assert server.statistics().requests == 0


@pytest.mark.parametrize(("fields", "message"), RANGES, ids=str)
def test_the_peer_says_the_same(fields: dict[str, Any], message: str) -> None:
    theirs = pytest.importorskip("baseten_performance_client")
    client = theirs.PerformanceClient("http://127.0.0.1:9", "k")
    with pytest.raises(ValueError) as caught:
        client.embed(["a"], "m", preference=theirs.RequestProcessingPreference(**fields))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "fields", [{"timeout_s": NAN}, {"total_timeout_s": NAN}, {"total_timeout_s": INF}, {"timeout_s": INF},
               {"hedge_delay": NAN}, {"hedge_budget_pct": NAN}, {"retry_budget_pct": NAN}], ids=str
)  # fmt: skip
@every_operation
def test_nan_and_infinity(client: PerformanceClient, server: Server, call: Any, fields: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        call(client, preference=RequestProcessingPreference(**fields))
    if not any(name.endswith("pct") for name in fields):
        with pytest.raises(ValueError):
            call(client, **fields)
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"max_concurrent_requests": -1}, OverflowError),
        ({"max_concurrent_requests": 2**64}, OverflowError),
        ({"max_concurrent_requests": 1.5}, TypeError),
        ({"max_concurrent_requests": "8"}, TypeError),
        ({"timeout_s": "5"}, TypeError),
        ({"timeout_s": [5]}, TypeError),
        ({"hedge_delay": "1"}, TypeError),
        ({"total_timeout_s": b"1"}, TypeError),
        ({"preference": {"batch_size": 8}}, TypeError),
        ({"preference": "fast"}, TypeError),
        ({"no_such_argument": 1}, TypeError),
        ({"max_concurrent_requests": 0}, ValueError),
        ({"max_concurrent_requests": 1025}, ValueError),
        ({"timeout_s": 0.01}, ValueError),
        ({"timeout_s": 10, "total_timeout_s": 5}, ValueError),
    ],
    ids=str,
)
@every_operation
def test_keywords(
    client: PerformanceClient, server: Server, call: Any, keywords: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(client, **keywords)
    assert server.statistics().requests == 0


TEXT_LISTS: list[tuple[Any, type[Exception]]] = [
    ([], ValueError), ((), ValueError), (deque(), ValueError), (numpy.array([], dtype=str), ValueError),
    (b"text", TypeError), (None, TypeError), (5, TypeError), ({"a"}, TypeError),
    ({"a": 1}, TypeError),
    ({"a": 1}.keys(), TypeError), (iter(["a"]), TypeError), ((text for text in ["a"]), TypeError),
    ([1, "a"], TypeError), ([1.5], TypeError),
    (["a", None], TypeError), (["a", b"b"], TypeError), (["a", ["b"]], TypeError), (bytearray(b"a"), TypeError),
    (["a", "\ud800"], UnicodeEncodeError), (["\udcff"] * 3, UnicodeEncodeError), (numpy.array([1.5]), TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "error"), TEXT_LISTS, ids=lambda value: repr(value).partition(" at 0x")[0])
def test_text_lists(client: PerformanceClient, server: Server, texts: Any, error: type[Exception]) -> None:
    for call in (
        lambda: client.embed(texts, "m"),
        lambda: client.rerank("q", texts),
        lambda: client.classify(texts),
    ):
        with pytest.raises(error):
            call()
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.embed([], "m"), "Input list cannot be empty"),
        (lambda c: c.rerank("q", []), "Texts list cannot be empty"),
        (lambda c: c.classify([]), "Inputs list cannot be empty"),
        (lambda c: c.batch_post("/x", []), "Payloads list cannot be empty"),
        (lambda c: c.embed(["a"], ""), "Model name cannot be empty"),
        (lambda c: c.embed(["a"], " \t"), "Model name cannot be empty"),
        (lambda c: c.embed(["a"], "m", dimensions=0), "Dimensions must be between 1 and 1000000"),
        (lambda c: c.embed(["a"], "m", dimensions=1000001), "Dimensions must be between 1 and 1000000"),
        (lambda c: c.embed(["a"], "m", user="ü" * 501), "User string cannot exceed 1000 characters"),
        (lambda c: c.embed(["a"], "m", encoding_format="hex"), "Encoding format must be 'float' or 'base64'"),
        (lambda c: c.embed([], "", dimensions=0), "Input list cannot be empty"),
    ],
)
def test_messages(client: PerformanceClient, server: Server, call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call(client)
    assert str(caught.value) == message
    theirs = pytest.importorskip("baseten_performance_client")
    with pytest.raises(ValueError) as expected:
        call(theirs.PerformanceClient("http://127.0.0.1:9", "k"))
    assert str(expected.value) == message
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.embed(["a"], 5),
        lambda c: c.embed(["a"], "m", dimensions="3"),
        lambda c: c.embed(["a"], "m", dimensions=2.0),
        lambda c: c.embed(["a"], "m", user=3),
        lambda c: c.embed(["a"], "m", encoding_format=1),
        lambda c: c.rerank("q"),
        lambda c: c.rerank("q", [1]),
        lambda c: c.classify([1]),
        lambda c: c.embed(["a"], url_path=5),
        lambda c: c.embed(["a"], extra_body=[("a", 1)]),
        lambda c: c.rerank("q", ["a"], extra_body={1: 1}),
        lambda c: c.batch_post("/x", [1], response_format=None),
        lambda c: c.batch_post("/x", [1], allow_nan="no"),
        lambda c: c.rerank(None, ["a"]),
        lambda c: c.rerank("q", ["a"], raw_scores="yes"),
        lambda c: c.rerank("q", ["a"], model=1),
        lambda c: c.rerank("q", ["a"], truncation_direction=None),
        lambda c: c.classify(["a"], truncate=1.5),
        lambda c: c.batch_post(None, [1]),
        lambda c: c.batch_post("/x", "text"),
        lambda c: c.batch_post("/x", {"a": 1}),
        lambda c: c.batch_post("/x", (i for i in [1])),
        lambda c: c.batch_post("/x", [1], custom_headers=[("a", "b")]),
        lambda c: c.batch_post("/x", [1], custom_headers={"a": 1}),
        lambda c: PerformanceClient(None, "k"),
        lambda c: PerformanceClient("http://127.0.0.1:9", 5),
        lambda c: PerformanceClient("http://127.0.0.1:9", "k", "2"),
    ],
)
def test_types(client: PerformanceClient, server: Server, call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        call(client)
    assert server.statistics().requests == 0


@pytest.mark.parametrize("surrogate", ["\ud800", "text \udfff"])
def test_lone_surrogates(client: PerformanceClient, server: Server, surrogate: str) -> None:
    for call in (
        lambda: client.embed(["a"], surrogate),
        lambda: client.embed(["a"], "m", user=surrogate),
        lambda: client.rerank(surrogate, ["a"]),
        lambda: client.classify(["a"], surrogate),
        lambda: client.batch_post("/x", [{"a": surrogate}]),
        lambda: client.batch_post("/x", [{surrogate: 1}]),
        lambda: client.batch_post(surrogate, [1]),
        lambda: client.batch_post("/x", [1], custom_headers={"x": surrogate}),
    ):
        with pytest.raises(ValueError):  # of which UnicodeEncodeError is one
            call()
    assert server.statistics().requests == 0


def test_async_calls_refuse_the_same(client: PerformanceClient, server: Server) -> None:
    async def main() -> list[BaseException]:
        found: list[BaseException] = []
        for call in (
            lambda: client.async_embed([], "m"),
            lambda: client.async_embed(["a"], "m", batch_size=0),
            lambda: client.async_rerank("q", []),
            lambda: client.async_classify(["a"], preference=RequestProcessingPreference(max_retries=7)),
            lambda: client.async_batch_post("/x", [1], timeout_s=0.01),
        ):
            try:
                await call()
            except ValueError as error:
                found.append(error)
        return found

    assert len(asyncio.run(main())) == 5
    assert server.statistics().requests == 0
