"""The surface of the package, signature by signature beside the peer's."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import baseten_perf
from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

# Beyond the peer's positions every method takes the older client's keywords.
METHODS = ["embed", "rerank", "classify", "batch_post", "batch_system_one"]
CLASSES = [
    "PerformanceClient",
    "HttpClientWrapper",
    "Endpoint",
    "EndpointPool",
    "RequestProcessingPreference",
    "TraceContext",
    "CancellationToken",
    "RerankResponse",
    "ClassificationResponse",
]
EMPTY = inspect.Parameter.empty


def positional(callable_: Any) -> list[tuple[str, Any]]:
    """Names and defaults of what can be given by position."""
    parameters = list(inspect.signature(callable_).parameters.values())
    return [
        (parameter.name, parameter.default)
        for parameter in parameters
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
    ]


def test_every_name_of_the_peer_is_exported(peer: Any) -> None:
    assert set(peer.__all__) <= set(baseten_perf.__all__)
    assert sorted(baseten_perf.__all__) == list(baseten_perf.__all__)
    for name in baseten_perf.__all__:
        assert getattr(baseten_perf, name) is not None
    namespace: dict[str, Any] = {}
    exec("from baseten_perf import *", namespace)
    assert set(baseten_perf.__all__) <= set(namespace)


@pytest.mark.parametrize("name", CLASSES)
def test_constructors(peer: Any, name: str) -> None:
    theirs = positional(getattr(peer, name))
    assert positional(getattr(baseten_perf, name))[: len(theirs)] == theirs


@pytest.mark.parametrize("twin", ["", "async_"])
@pytest.mark.parametrize("name", METHODS)
def test_methods(peer: Any, name: str, twin: str) -> None:
    theirs = positional(getattr(peer.PerformanceClient, twin + name))
    if name == "embed":
        theirs[1] = ("model", None)  # which may be left out here
    assert positional(getattr(PerformanceClient, twin + name))[: len(theirs)] == theirs
    ours = inspect.signature(getattr(PerformanceClient, name)).parameters
    assert inspect.signature(getattr(PerformanceClient, twin + name)).parameters == ours


@pytest.mark.parametrize(
    "name",
    [
        "PerformanceClient", "RequestProcessingPreference", "TraceContext", "CancellationToken",
        "OpenAIEmbeddingsResponse", "OpenAIEmbeddingData", "OpenAIUsage", "RerankResult", "RerankResponse",
        "ClassificationResult", "ClassificationResponse", "BatchPostResponse",
    ],
)  # fmt: skip
def test_every_attribute_of_the_peer_is_there(peer: Any, name: str) -> None:
    public = {attribute for attribute in dir(getattr(peer, name)) if not attribute.startswith("_")}
    assert public <= set(dir(getattr(baseten_perf, name)))


def test_the_older_client_s_keywords() -> None:
    shared = {"max_concurrent_requests", "timeout_s", "hedge_delay", "total_timeout_s"}
    for name in METHODS:
        keywords = set(inspect.signature(getattr(PerformanceClient, name)).parameters)
        assert shared <= keywords
        own = {"custom_headers"} if name.startswith("batch") else {"batch_size", "max_chars_per_request"}
        assert own <= keywords


def test_every_field_can_be_read_and_written(peer: Any) -> None:
    ours, theirs = RequestProcessingPreference.default(), peer.RequestProcessingPreference.default()
    names = list(inspect.signature(peer.RequestProcessingPreference).parameters)
    assert len(names) == 16
    for name in names:
        assert getattr(ours, name) == getattr(theirs, name), name
        setattr(ours, name, getattr(ours, name))
    assert ours == RequestProcessingPreference()


# Wrong inputs and wrong preferences at once: the inputs are told first. (call on the client, message)
ORDER: list[tuple[Any, str]] = [
    (lambda c, p: c.embed([], "", None, 0, preference=p), "Input list cannot be empty"),
    (lambda c, p: c.embed(["a"], " ", "x", 0, "u" * 1001, preference=p), "Model name cannot be empty"),
    (lambda c, p: c.embed(["a"], "m", "x", 0, "u" * 1001, preference=p), "Dimensions must be between 1 and 1000000"),
    (lambda c, p: c.embed(["a"], "m", "x", 1, "u" * 1001, preference=p), "User string cannot exceed 1000 characters"),
    (lambda c, p: c.embed(["a"], "m", "x", preference=p), "Encoding format must be 'float' or 'base64'"),
    (lambda c, p: c.rerank("q", [], preference=p), "Texts list cannot be empty"),
    (lambda c, p: c.classify([], preference=p), "Inputs list cannot be empty"),
    (lambda c, p: c.batch_post("/x", [], p), "Payloads list cannot be empty"),
    (lambda c, p: c.batch_system_one([], p), "Payloads list cannot be empty"),
    (
        lambda c, p: c.embed(["a"], "m", preference=p),
        "Timeout 0.000s is outside the allowed range [0.100s, 3600.000s].",
    ),
]


@pytest.mark.parametrize(("call", "message"), ORDER)
def test_order_of_the_checks(client: PerformanceClient, server: Server, peer: Any, call: Any, message: str) -> None:
    fields: dict[str, Any] = {
        "timeout_s": 0.0, "hedge_delay": 0.0, "max_chars_per_request": 0, "max_concurrent_requests": 0,
        "batch_size": 0, "hedge_budget_pct": -1.0, "retry_budget_pct": -1.0, "max_retries": 9,
        "initial_backoff_ms": 0, "primary_api_key_override": "",
    }  # fmt: skip
    for one, module in ((client, baseten_perf), (peer.PerformanceClient(server.url, "k"), peer)):
        with pytest.raises(ValueError) as caught:
            call(one, module.RequestProcessingPreference(**fields))
        assert str(caught.value) == message
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout_s": 0.0, "total_timeout_s": 0.0},
        {"timeout_s": 1.0, "total_timeout_s": 0.5, "hedge_delay": 0.0},
        {"hedge_delay": 0.01, "max_chars_per_request": 1},
        {"timeout_s": 0.5, "hedge_delay": 0.46, "max_chars_per_request": 1},
        {"max_chars_per_request": 1, "max_concurrent_requests": 0},
        {"max_concurrent_requests": 0, "batch_size": 0},
        {"max_concurrent_requests": 1024, "batch_size": 0},
        {"max_concurrent_requests": 1024, "hedge_budget_pct": -1.0},
        {"hedge_budget_pct": 3.5, "retry_budget_pct": -1.0},
        {"retry_budget_pct": -1.0, "max_retries": 7},
        {"max_retries": 7, "initial_backoff_ms": 1},
        {"initial_backoff_ms": 45001, "primary_api_key_override": ""},
        {"primary_api_key_override": ""},
    ],
)
def test_order_of_the_ranges(client: PerformanceClient, server: Server, peer: Any, fields: dict[str, Any]) -> None:
    failures = []
    for one, module in ((client, baseten_perf), (peer.PerformanceClient(server.url, "k"), peer)):
        with pytest.raises(ValueError) as caught:
            one.embed(["a"], "m", preference=module.RequestProcessingPreference(**fields))
        failures.append(str(caught.value))
    assert failures[0] == failures[1]


def test_asynchronous_methods_raise_input_errors_at_once_and_others_when_awaited(
    client: PerformanceClient, server: Server
) -> None:
    bad = RequestProcessingPreference(batch_size=0)

    async def calls() -> None:
        with pytest.raises(ValueError, match="Input list cannot be empty"):
            client.async_embed([], "m", preference=bad)
        with pytest.raises(TypeError):
            client.async_embed({"abc"}, "m", preference=bad)
        for start in (
            lambda: client.async_embed(["a"], "m", preference=bad),
            lambda: client.async_rerank("q", ["a"], preference=bad),
            lambda: client.async_classify(["a"], preference=bad),
            lambda: client.async_batch_post("/x", ["a"], bad),
            lambda: client.async_batch_system_one(["a"], bad),
            lambda: client.async_embed(["a"], "m", batch_size=0),
        ):
            future: Any = start()
            assert future.done()
            with pytest.raises(ValueError, match="batch_size must be greater than 0"):
                await future
        refused = PerformanceClient(server.url, "").async_batch_post("/x", [1])
        with pytest.raises(ValueError, match="API key cannot be empty"):
            await refused

    asyncio.run(calls())
    assert server.statistics().requests == 0


def test_outside_an_event_loop(client: PerformanceClient) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        client.async_embed(["a"], "m")


def test_http_versions_of_the_peer(server: Server) -> None:
    for version in (0, 1, 4, 255, True):
        PerformanceClient(server.url, "k", version).batch_post("/x", [1])
    for version in (-1, 256):
        with pytest.raises(OverflowError):
            PerformanceClient(server.url, "k", version)
    with pytest.raises(TypeError):
        PerformanceClient(server.url, "k", "2")  # type: ignore[arg-type]
