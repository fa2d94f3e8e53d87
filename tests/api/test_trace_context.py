"""TraceContext in calls: what goes over the wire, beside the peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference, TraceContext
from baseten_perf.testing import RecordedRequest, Server

CONTEXT = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "congo=t61rcWkgMzE,rojo=00f067")
METHODS: list[Callable[..., Any]] = [
    lambda client, twin, **given: getattr(client, f"{twin}embed")(["a"] * 3, "m", **given),
    lambda client, twin, **given: getattr(client, f"{twin}rerank")("q", ["a"] * 3, **given),
    lambda client, twin, **given: getattr(client, f"{twin}classify")(["a"] * 3, **given),
    lambda client, twin, **given: getattr(client, f"{twin}batch_post")("/x", ["a"] * 3, **given),
    lambda client, twin, **given: getattr(client, f"{twin}batch_system_one")(["a"] * 3, **given),
]


def trace_of(request: RecordedRequest) -> dict[str, str]:
    return {name: value for name, value in request.headers if name.lower() in ("traceparent", "tracestate")}


@pytest.mark.parametrize("method", METHODS)
def test_every_request_carries_it(client: PerformanceClient, server: Server, method: Callable[..., Any]) -> None:
    async def call() -> None:
        await method(client, "async_", preference=RequestProcessingPreference(batch_size=1, trace_context=CONTEXT))

    method(client, "", preference=RequestProcessingPreference(batch_size=1, trace_context=CONTEXT))
    asyncio.run(call())
    requests = server.requests()
    assert len(requests) == 6
    for request in requests:
        assert trace_of(request) == {"traceparent": CONTEXT.traceparent, "tracestate": CONTEXT.tracestate}


def test_it_is_not_remembered_for_later_calls(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1], RequestProcessingPreference(trace_context=CONTEXT))
    client.batch_post("/x", [1], RequestProcessingPreference(trace_context=TraceContext("00-other")))
    client.batch_post("/x", [1])
    assert [trace_of(request) for request in server.requests()] == [
        {"traceparent": CONTEXT.traceparent, "tracestate": CONTEXT.tracestate},
        {"traceparent": "00-other"},
        {},
    ]


@pytest.mark.parametrize("arguments", [("00-a",), ("not a parent", "x"), ("é", "b=ü"), ("00-a", "b=c, d=e")])
def test_as_the_peer_sends_it(server: Server, peer: Any, recorded: Any, arguments: tuple[str, ...]) -> None:
    ours, theirs = (
        recorded(
            lambda module=module: module.PerformanceClient(server.url, "k").batch_post(
                "/x", [1], module.RequestProcessingPreference(trace_context=module.TraceContext(*arguments))
            )
        )
        for module in (__import__("baseten_perf"), peer)
    )
    assert trace_of(ours[0]) == trace_of(theirs[0])


@pytest.mark.parametrize(
    ("arguments", "extra_headers"),
    [
        (("",), None),
        (("a\r\nx: 1",), None),
        (("a\nb",), None),
        (("a", ""), None),
        (("a", "b\r\n"), None),
        (("a",), {"traceparent": "b"}),
        (("a",), {"X-Other": "1", "TraceState": "b=c"}),
    ],
)
def test_refused_as_by_the_peer(
    client: PerformanceClient, server: Server, peer: Any, arguments: tuple[str, ...], extra_headers: Any
) -> None:
    ours, theirs = (
        module.RequestProcessingPreference(
            trace_context=module.TraceContext(*arguments), extra_headers=extra_headers, max_retries=0
        )
        for module in (__import__("baseten_perf"), peer)
    )
    with pytest.raises(ValueError) as expected:
        peer.PerformanceClient(server.url, "k").batch_post("/x", [1], theirs)
    with pytest.raises(ValueError) as caught:
        client.batch_post("/x", [1], ours)
    assert str(caught.value) == str(expected.value)

    async def call() -> None:
        future = client.async_batch_post("/x", [1], ours)
        with pytest.raises(ValueError, match=str(expected.value)):
            await future

    asyncio.run(call())
    assert server.statistics().requests == 0
