"""The bodies of requests, byte for byte."""

from __future__ import annotations

import asyncio
import collections
import enum
import json
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf import BatchPostResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import RecordedRequest, Server

Recorded = Callable[[Callable[[], Any]], list[RecordedRequest]]
TRICKY = ["", "plain", 'quote " and \\ and /', "line\nfeed\ttab\x01\x1f\x7f", "ü€😀", "\u2028\u2029", "</script>"]

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "embed": lambda client, preference: client.embed(TRICKY, "m", preference=preference),
    "embed with options": lambda client, preference: client.embed(
        TRICKY, "m ü", encoding_format="float", dimensions=7, user="someone", preference=preference
    ),
    "embed base64": lambda client, preference: client.embed(["a"], "m", "base64", None, "", preference),
    "rerank": lambda client, preference: client.rerank("query ü", TRICKY, preference=preference),
    "rerank with options": lambda client, preference: client.rerank(
        "", TRICKY, True, "m", True, True, "Left", preference
    ),
    "classify": lambda client, preference: client.classify(TRICKY, preference=preference),
    "classify with options": lambda client, preference: client.classify(TRICKY, "m", True, True, "Left", preference),
    "batch_post": lambda client, preference: client.batch_post(
        "/x",
        [
            {"a": [1, 2.5, 1.0, -0.0, 0.1, 1e-7, 123456789.125], "b": {"c": None, "d": True}, "e": TRICKY},
            [],
            {},
            "text",
            None,
            2**63,
            -(2**63),
            2**64 - 1,
            [float("nan"), float("inf")],
            (1, 2),
            range(3),
            collections.deque([1]),
        ],
        preference,
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_as_the_peer(peer: Any, server: Server, recorded: Recorded, call: Callable[[Any, Any], Any]) -> None:
    ours = recorded(lambda: call(PerformanceClient(server.url, "k"), RequestProcessingPreference(batch_size=3)))
    theirs = recorded(
        lambda: call(peer.PerformanceClient(server.url, "k"), peer.RequestProcessingPreference(batch_size=3))
    )
    assert [request.body for request in ours] == [request.body for request in theirs]
    assert [(request.method, request.target) for request in ours] == [
        (request.method, request.target) for request in theirs
    ]


def bodies(server: Server) -> list[bytes]:
    return [request.body for request in server.requests()]


def test_embed(client: PerformanceClient, server: Server) -> None:
    client.embed(["a", 'ü"'], "m")
    client.embed(["a"], "m", "float", 5, "u")
    assert bodies(server) == [
        '{"input":["a","ü\\""],"model":"m"}'.encode(),
        b'{"input":["a"],"model":"m","encoding_format":"float","dimensions":5,"user":"u"}',
    ]


def test_rerank(client: PerformanceClient, server: Server) -> None:
    client.rerank("q", ["a", "b"])
    client.rerank("q", ["a"], True, "m", True, True, "Left")
    assert bodies(server) == [
        b'{"query":"q","raw_scores":false,"return_text":false,"texts":["a","b"],'
        b'"truncate":false,"truncation_direction":"Right"}',
        b'{"query":"q","model":"m","raw_scores":true,"return_text":true,"texts":["a"],'
        b'"truncate":true,"truncation_direction":"Left"}',
    ]


def test_classify(client: PerformanceClient, server: Server) -> None:
    client.classify(["a", "b"])
    client.classify(["a"], "m", True, True, "Left")
    assert bodies(server) == [
        b'{"inputs":[["a"],["b"]],"raw_scores":false,"truncate":false,"truncation_direction":"Right"}',
        b'{"inputs":[["a"]],"model":"m","raw_scores":true,"truncate":true,"truncation_direction":"Left"}',
    ]


def test_payload_keys_keep_their_order(client: PerformanceClient, server: Server) -> None:
    response = client.batch_post("/x", [{"b": 1, "a": {"z": 1, "y": 2}}])
    assert bodies(server) == [b'{"b":1,"a":{"z":1,"y":2}}']
    assert list(response.data[0]) == ["b", "a"]


def test_numpy_payloads(client: PerformanceClient, server: Server) -> None:
    matrix = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    client.batch_post("/x", [{"scalar": numpy.float32(0.5), "whole": numpy.int64(3), "matrix": matrix[:, ::2]}])
    assert json.loads(bodies(server)[0]) == {"scalar": 0.5, "whole": 3, "matrix": [[0, 2], [3, 5]]}


class Size(enum.IntEnum):
    SMALL = 1


def test_other_payload_types(client: PerformanceClient, server: Server) -> None:
    user_dict = collections.UserDict({"k": {1}})
    client.batch_post("/x", [user_dict, Size.SMALL, 2**70, frozenset([2]), memoryview(b"ab")])
    assert sorted(bodies(server)) == sorted([b'{"k":[1]}', b"1", b"1180591620717411303424", b"[2]", b"[97,98]"])


def test_payloads_may_change_while_the_call_runs(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.05), "k")

    async def call() -> BatchPostResponse:
        payloads: list[Any] = [[i] for i in range(20)]
        future = client.async_batch_post("/x", payloads, max_concurrent_requests=1)
        for payload in payloads:
            payload.clear()
        payloads.clear()
        return await future

    response = asyncio.run(call())
    assert response.data == [[i] for i in range(20)]


def test_a_large_body_arrives_whole(client: PerformanceClient) -> None:
    texts = ["x" * 1_000_000, "ü" * 1_000_000]
    assert client.batch_post("/x", texts).data == texts
