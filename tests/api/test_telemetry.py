"""Telemetry with OpenTelemetry's exporters in memory: spans and metrics of calls, streams and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from baseten_perf import APIConnectionError, APIStatusError, PerformanceClient
from baseten_perf.testing import Server

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from baseten_perf import telemetry

EMBEDDING = {"model": "m", "dimensions": 4, "batch_size": 1}


class Told:
    """What was exported."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._reader])

    @property
    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def points(self, name: str) -> list[Any]:
        """The points of a metric."""
        data = self._reader.get_metrics_data()
        scopes = [] if data is None else [each for resource in data.resource_metrics for each in resource.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics if metric.name == name]
        return [point for metric in metrics for point in metric.data.data_points]


@pytest.fixture
def told() -> Iterator[Told]:
    exported = Told()
    telemetry.instrument(exported.tracers, exported.meters)
    yield exported
    telemetry.uninstrument()


def client_of(url: str) -> PerformanceClient:
    return PerformanceClient(url, "key")


def test_calls(told: Told, server: Server) -> None:
    place = {"server.address": "127.0.0.1", "server.port": server.port}
    of_model = {**place, "gen_ai.provider.name": "baseten", "gen_ai.request.model": "m"}
    embedding = {**of_model, "gen_ai.operation.name": "embeddings"}
    with told.tracers.get_tracer("test").start_as_current_span("outer") as outer:
        usage = client_of(server.url).embed(["cat", "dog"], **EMBEDDING).usage
    client_of(server.url).rerank("q", ["a"], model="m")
    list(client_of(server.url).iter_classify(["a"], model="m"))
    client_of(server.url).batch_post("/v1/embeddings", [{"input": "a"}], method="PUT", return_exceptions=True)
    embed, _, rerank, classify, post = told.spans
    assert [s.name for s in (embed, rerank, classify, post)] == ["embeddings m", "rerank m", "classify m", "batch_post"]
    assert embed.kind is SpanKind.CLIENT and embed.parent.span_id == outer.get_span_context().span_id
    assert dict(embed.attributes) == {**embedding, "gen_ai.usage.input_tokens": usage.prompt_tokens}
    assert dict(rerank.attributes).items() >= {**of_model, "gen_ai.operation.name": "rerank"}.items()
    assert dict(post.attributes) == place
    [duration] = told.points("gen_ai.client.embeddings.duration")
    assert (duration.count, dict(duration.attributes), duration.explicit_bounds[0]) == (1, embedding, 0.01)
    assert duration.sum == pytest.approx((embed.end_time - embed.start_time) / 1e9, abs=0.5)
    [tokens] = told.points("gen_ai.client.embeddings.operation.input_tokens")
    assert (tokens.sum, dict(tokens.attributes)) == (usage.prompt_tokens, embedding)
    assert len(told.points("gen_ai.client.operation.duration")) == 2
    requests = {(p.attributes["http.request.method"], p.count) for p in told.points("http.client.request.duration")}
    assert requests == {("POST", 4), ("PUT", 1)}


def test_failures(told: Told, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "baseten_perf")  # the log stays what it is
    with pytest.raises(APIStatusError):
        client_of(server.faulty(status=401)).embed(["cat"], **EMBEDDING)
    with pytest.raises(APIStatusError):
        list(client_of(server.faulty(status=401)).iter_embed(["cat"], **EMBEDDING))
    with pytest.raises(APIConnectionError):
        client_of(server.faulty(close=True)).embed(["cat"], max_retries=0, **EMBEDDING)
    collected = client_of(server.faulty(status=400, containing="bad"))
    collected.embed(["cat", "bad"], return_exceptions=True, **EMBEDDING)
    client_of(server.faulty(status=500, times=1)).embed(["cat"], initial_backoff_ms=50, **EMBEDDING)
    assert caplog.text.count("failed with APIStatusError in request 0 (status 401, 1 attempts)") == 2
    assert "1 of 1 requests took several attempts" in caplog.text
    kinds = [span.attributes.get("error.type") for span in told.spans]
    assert kinds == ["401", "401", "APIConnectionError", None, None]
    assert [span.status.status_code is StatusCode.ERROR for span in told.spans] == [True] * 3 + [False] * 2
    assert [span.attributes.get("http.request.resend_count") for span in told.spans] == [None] * 4 + [1]
    points = told.points("http.client.request.duration")
    found = {(p.attributes.get("http.response.status_code"), p.attributes.get("error.type")): p.count for p in points}
    assert found == {(401, "401"): 2, (None, "APIConnectionError"): 1, (400, "400"): 1, (200, None): 2}
    durations = told.points("gen_ai.client.embeddings.duration")
    assert {point.attributes.get("error.type"): point.count for point in durations} == {
        "401": 2, "APIConnectionError": 1, None: 2,
    }  # fmt: skip


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that no client of another test has connections to."""
    with Server() as server:
        yield server


def test_what_is_under_way(told: Told, own_server: Server, eventually: Callable[..., None]) -> None:
    def counted(name: str) -> dict[Any, int]:
        points = [p for p in told.points(name) if p.attributes["server.port"] == own_server.port]
        return {point.attributes.get("http.connection.state"): point.value for point in points}

    stalled, quick = client_of(own_server.faulty(stall=True)), client_of(own_server.url)
    quick.embed(["cat"], **EMBEDDING)
    assert counted("http.client.open_connections") == {"active": 0, "idle": 1}
    with ThreadPoolExecutor() as threads:
        call = threads.submit(stalled.embed, ["a", "b"], **EMBEDDING)
        eventually(lambda: own_server.statistics().requests_active == 2)
        assert counted("http.client.active_requests") == {None: 2}
        assert counted("http.client.open_connections")["active"] == 2
        stalled.close()
        assert type(call.exception(30)).__name__ == told.spans[-1].attributes["error.type"] == "OperationCancelled"


def test_in_asyncio_each_call_is_below_its_task(told: Told, server: Server) -> None:
    client = client_of(server.url)
    tracer = told.tracers.get_tracer("test")

    async def task(name: str) -> None:
        with tracer.start_as_current_span(name):
            await client.async_embed([name], **EMBEDDING)

    async def tasks() -> None:
        await asyncio.gather(*(task(f"task {i}") for i in range(8)))
        aborted = asyncio.ensure_future(client_of(server.faulty(stall=True)).async_embed(["cat"], **EMBEDDING))
        aborted.cancel()
        await asyncio.wait([aborted])

    asyncio.run(tasks())
    tasks_by_id = {span.context.span_id for span in told.spans if span.name.startswith("task")}
    parents = [span.parent for span in told.spans if span.name == "embeddings m"]
    assert {parent.span_id for parent in parents if parent is not None} == tasks_by_id and len(parents) == 9


def test_nothing_is_told_unless_asked_for(told: Told, server: Server) -> None:
    client = client_of(server.url)
    telemetry.uninstrument()
    client.embed(["cat"], **EMBEDDING)
    assert told.spans == [] == told.points("http.client.active_requests")
    other = Told()
    telemetry.instrument(other.tracers, other.meters, provider_name="openai")
    client.embed(["cat"], **EMBEDDING)
    assert told.spans == [] and [span.attributes["gen_ai.provider.name"] for span in other.spans] == ["openai"]
