"""Both call styles: the seed's keywords and positions, the newer `preference`, and a mixture of both."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(300)]
Sizes = list[int]


@pytest.fixture
def sizes(server: Server) -> Callable[[Callable[[], Any]], Sizes]:
    """How many inputs the requests of a call carried, in the order of the batches, and forget them."""

    def observe(call: Callable[[], Any]) -> Sizes:
        server.reset()
        call()
        requests = sorted(
            server.requests(), key=lambda one: int((one.header("x-baseten-customer-request-id") or "").split("-")[2])
        )
        return [request.body.count(b'"text ') for request in requests]

    return observe


OPERATIONS: dict[str, Callable[..., Any]] = {
    "embed": lambda client, *at, **given: client.embed(TEXTS, "m", *at, **given),
    "rerank": lambda client, *at, **given: client.rerank("q", TEXTS, *at, **given),
    "classify": lambda client, *at, **given: client.classify(TEXTS, *at, **given),
}
operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


@operations
def test_seed_keywords_have_the_seed_s_defaults(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    for keywords in ({"timeout_s": 360}, {"max_concurrent_requests": 32}, {"total_timeout_s": 3600}):
        assert sizes(lambda keywords=keywords: operation(client, **keywords)) == [128, 128, 44]
    assert sizes(lambda: operation(client, batch_size=200)) == [200, 100]


@operations
def test_a_preference_has_the_newer_defaults(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    preference = RequestProcessingPreference(timeout_s=360)
    assert sizes(lambda: operation(client, preference=preference)) == [8] * 37 + [4]
    assert sizes(lambda: operation(client, preference=RequestProcessingPreference.default())) == [8] * 37 + [4]


@operations
def test_neither_has_the_newer_defaults(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    assert sizes(lambda: operation(client)) == [8] * 37 + [4]
    assert sizes(lambda: operation(client, preference=None)) == [8] * 37 + [4]


@operations
def test_a_keyword_overrides_the_preference(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    preference = RequestProcessingPreference(batch_size=50, max_chars_per_request=10000)
    assert sizes(lambda: operation(client, preference=preference)) == [50] * 6
    assert sizes(lambda: operation(client, preference=preference, batch_size=100)) == [100] * 3
    assert sizes(lambda: operation(client, preference=preference, timeout_s=5)) == [50] * 6
    assert preference.batch_size == 50


@operations
def test_none_means_not_given(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    names = ["max_concurrent_requests", "batch_size", "timeout_s", "max_chars_per_request", "hedge_delay"]
    assert sizes(lambda: operation(client, **dict.fromkeys(names))) == [8] * 37 + [4]


@operations
def test_the_character_limit(client: PerformanceClient, sizes: Any, operation: Any) -> None:
    # 10 texts of 6 characters, 90 of 7, 200 of 8.
    assert sizes(lambda: operation(client, max_chars_per_request=50))[:3] == [8, 7, 7]
    preference = RequestProcessingPreference(batch_size=1024)
    assert sum(sizes(lambda: operation(client, preference=preference))) == 300
    preference.max_chars_per_request = None
    assert sizes(lambda: operation(client, preference=preference)) == [300]


PREFERENCE = RequestProcessingPreference(batch_size=100)
POSITIONAL: dict[str, tuple[Callable[[Any], Any], Sizes]] = {
    "embed preference": (lambda c: c.embed(TEXTS, "m", None, None, None, PREFERENCE), [100] * 3),
    "embed old": (lambda c: c.embed(TEXTS, "m", None, None, None, 32, 150, 360.0, 100000, 0.5, 3600.0), [150, 150]),
    "rerank preference": (lambda c: c.rerank("q", TEXTS, False, None, False, False, "Right", PREFERENCE), [100] * 3),
    "rerank old": (lambda c: c.rerank("q", TEXTS, False, None, False, False, "Right", 32, 150, 360), [150, 150]),
    "classify preference": (lambda c: c.classify(TEXTS, None, False, False, "Right", PREFERENCE), [100] * 3),
    "classify old": (lambda c: c.classify(TEXTS, None, False, False, "Right", 32, 150), [150, 150]),
}


@pytest.mark.parametrize(("call", "expected"), POSITIONAL.values(), ids=POSITIONAL.keys())
def test_positions_are_told_apart_by_type(
    client: PerformanceClient, sizes: Any, call: Callable[[Any], Any], expected: Sizes
) -> None:
    assert sizes(lambda: call(client)) == expected


@pytest.mark.parametrize(
    ("arguments", "method", "timeout_ms", "extra"),
    [
        ((RequestProcessingPreference(timeout_s=5),), "POST", "5000", None),
        ((RequestProcessingPreference(timeout_s=5), "PUT"), "PUT", "5000", None),
        ((None, "PATCH"), "PATCH", "3600000", None),
        ((None, None), "POST", "3600000", None),
        ((32,), "POST", "3600000", None),
        ((32, 7.5), "POST", "7500", None),
        ((32, 7), "POST", "7000", None),
        ((32, 7.5, None, 60.0, {"x-mine": "1"}), "POST", "7500", "1"),
        ((32, 7.5, 0.5, 60.0), "POST", "7500", None),
    ],
)
def test_positions_of_batch_post(
    client: PerformanceClient, server: Server, arguments: Any, method: str, timeout_ms: str, extra: str | None
) -> None:
    client.batch_post("/x", [1], *arguments)
    asyncio.run(awaited(lambda: client.async_batch_post("/x", [1], *arguments)))
    for request in server.requests():
        assert request.method == method
        assert request.header("request-timeout-ms") == timeout_ms
        assert request.header("x-mine") == extra


async def awaited(call: Callable[[], Any]) -> Any:
    return await call()


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((32,), {"max_concurrent_requests": 16}),
        ((32, 7.5), {"timeout_s": 5}),
        (("PUT",), {}),
        ((2.5,), {}),
        (({},), {}),
    ],
)
def test_what_fits_neither_style(client: PerformanceClient, server: Server, arguments: Any, keywords: Any) -> None:
    with pytest.raises(TypeError):
        client.batch_post("/x", [1], *arguments, **keywords)
    assert server.statistics().requests == 0


@pytest.mark.parametrize("name", ["embed", "rerank", "classify", "batch_post"])
def test_the_twins_take_the_same_parameters(name: str) -> None:
    ours = inspect.signature(getattr(PerformanceClient, name)).parameters
    twins = inspect.signature(getattr(PerformanceClient, f"async_{name}")).parameters
    assert ours == twins


def test_old_keywords_of_batch_post_are_free_of_the_batch_size_rule(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1], max_concurrent_requests=1024)
    with pytest.raises(ValueError, match="Please be nice to the server side"):
        client.batch_post("/x", [1], RequestProcessingPreference(max_concurrent_requests=1024))
    assert server.statistics().requests == 1


def test_a_preference_can_be_changed_between_calls(client: PerformanceClient, sizes: Any) -> None:
    preference = RequestProcessingPreference(batch_size=100)
    assert sizes(lambda: client.embed(TEXTS, "m", preference=preference)) == [100] * 3
    preference.batch_size = 150
    assert sizes(lambda: client.embed(TEXTS, "m", preference=preference)) == [150] * 2
