"""Answers in MessagePack."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgpack
import numpy
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import InvalidResponse, PerformanceClient
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(100)]
TYPES = ["application/msgpack", "application/x-msgpack", "application/messagepack", "application/vnd.msgpack"]


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"chunked": True},
        {"gzip": True, "chunked": True},
        {"shuffle": True, "index_last": True},
        {"missing": "usage+model+object+index"},
        {"http10": True},
        {"status": 203, "body_latency": 0.02},
    ],
    ids=str,
)
@pytest.mark.parametrize("encoding_format", [None, "base64"])
def test_embeddings(server: Server, encoding_format: str | None, faults: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(msgpack=True, **faults), "k")
    response = client.embed(TEXTS, "m", encoding_format, batch_size=30)
    expected = embeddings(TEXTS)
    assert numpy.array_equal(response.numpy(), expected)
    assert [item.index for item in response.data] == list(range(100))
    if encoding_format is None:
        assert response.data[99].embedding == expected[99].tolist()
    else:
        assert response.data[99].embedding == base64.b64encode(expected[99].tobytes()).decode()
    assert response.model == "m"
    assert response.usage.total_tokens == (0 if "missing" in faults else 200)
    assert all(headers["content-type"] == "application/msgpack" for headers in response.response_headers)


def test_both_formats_in_one_operation(server: Server) -> None:
    client = PerformanceClient(server.faulty(msgpack=True, every=2), "k")
    for given in ({}, {"dimensions": 3}, {"encoding_format": "base64"}):
        response = client.embed(TEXTS, "m", batch_size=7, max_concurrent_requests=4, **given)
        assert numpy.array_equal(response.numpy(), embeddings(TEXTS, given.get("dimensions", 384)))
        kinds = {headers["content-type"] for headers in response.response_headers}
        assert kinds == {"application/msgpack", "application/json"}


@pytest.mark.parametrize(
    "before",
    [
        Faults(status=503, times=1),
        Faults(truncate=True, msgpack=True, times=1),
        Faults(reset_body=True, times=1),
    ],
    ids=Faults.format,
)
def test_retries(server: Server, before: Faults) -> None:
    client = PerformanceClient(server.faulty(before, Faults(msgpack=True)), "k")
    assert numpy.array_equal(client.embed(TEXTS[:9], "m", batch_size=9).numpy(), embeddings(TEXTS[:9]))


def test_ragged_vectors(server: Server) -> None:
    response = PerformanceClient(server.faulty(msgpack=True, ragged=True), "k").embed(TEXTS[:4], "m", batch_size=4)
    assert [len(item.embedding) for item in response.data] == [384, 384, 384, 383]


def test_other_operations(server: Server) -> None:
    plain = PerformanceClient(server.url, "k")
    client = PerformanceClient(server.faulty(msgpack=True), "k")
    assert client.rerank("q", TEXTS, batch_size=30).data == plain.rerank("q", TEXTS, batch_size=30).data
    assert client.classify(TEXTS, batch_size=30).data == plain.classify(TEXTS, batch_size=30).data
    payloads = [{"b": 1, "a": [None, True, 1.5, "ü", {"c": {}}]}, 5, "x", None, [], 2**64 - 1, -(2**63)]
    assert client.batch_post("/x", payloads).data == payloads
    assert list(client.batch_post("/x", payloads[:1]).data[0]) == ["b", "a"]


def posted(httpserver: HTTPServer, body: bytes, content_type: str = "application/msgpack", **given: Any) -> Any:
    """What batch_post makes of one answer."""
    httpserver.expect_request("/x").respond_with_data(body, content_type=content_type)
    return PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1], **given).data[0]


@pytest.mark.parametrize("content_type", [*TYPES, "Application/MSGPACK; charset=binary", "application/x-msgpack ;v=5"])
def test_content_types(httpserver: HTTPServer, content_type: str) -> None:
    assert posted(httpserver, msgpack.packb({"a": [1, b"2"]}), content_type) == {"a": [1, b"2"]}
    row = {"data": [{"index": 0, "embedding": [1.5, -0.1]}]}
    httpserver.expect_request("/v1/embeddings").respond_with_data(msgpack.packb(row), content_type=content_type)
    response = PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")
    assert response.numpy().tolist() == [[1.5, float(numpy.float32(-0.1))]]


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream", "application/msgpackx", ""])
def test_other_content_types_are_json(httpserver: HTTPServer, content_type: str) -> None:
    assert posted(httpserver, b'{"a":1}', content_type) == {"a": 1}
    httpserver.clear()
    with pytest.raises(InvalidResponse, match=r"^Failed to parse response JSON: error decoding response body: "):
        posted(httpserver, msgpack.packb({"a": 1}), content_type)


@pytest.mark.parametrize("content_type", ["application/json", None])
def test_the_final_answer_s_type_counts(httpserver: HTTPServer, content_type: str | None) -> None:
    redirect = Response(b"\x01", 307, {"Location": "/v1/embeddings"}, content_type="application/msgpack")
    httpserver.expect_request("/a/v1/embeddings").respond_with_response(redirect)
    final = Response(b'{"data":[{"index":0,"embedding":[1.5]}]}', content_type=content_type)
    if content_type is None:
        del final.headers["Content-Type"]
    httpserver.expect_request("/v1/embeddings").respond_with_response(final)
    assert PerformanceClient(httpserver.url_for("/a"), "k").embed(["a"], "m").numpy().tolist() == [[1.5]]


ODD = {
    "binary": msgpack.packb([b"ab", b""]),
    "extension": msgpack.packb([msgpack.ExtType(5, b"xy"), {"a": msgpack.ExtType(0, b"")}]),
    "negative extension": b"\x92\xd4\xfb\x01\xc0",
    "timestamps": msgpack.packb(
        [msgpack.Timestamp(2**33, 7), {"a": msgpack.Timestamp(5), "b": [msgpack.Timestamp(-1, 3)]}]
    ),
    "no timestamp": msgpack.packb({"a": [b"\xd6\xff"]}),
    "one timestamp": msgpack.packb(msgpack.Timestamp(2**32 - 1)),
    "keys": msgpack.packb({1: 2, -1: 3, None: 4, 1.5: 6, b"k": 8, "s": 9}),
    "extension as a key": b"\x81\xd4\x05\x01\x02",
    "timestamp as a key": b"\x81\xd6\xff\x00\x00\x00\x05\x02",
    "the last of equal keys": b"\x82\xa1a\x01\xa1a\x02",
    "integers": msgpack.packb([0, -1, 127, 128, -32, -33, 2**32, 2**64 - 1, -(2**63)]),
    "numbers": struct.pack(">BBfBd", 0x92, 0xCA, 0.1, 0xCB, 0.1),
    "infinities": struct.pack(">BBfBd", 0x92, 0xCA, float("inf"), 0xCB, -float("inf")),
    "nothing": b"\xc0",
    "empty": b"\x92\x80\x90",
}  # fmt: skip


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_as_the_peer(peer: Any, httpserver: HTTPServer, body: bytes) -> None:
    ours = posted(httpserver, body)
    theirs = peer.PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1]).data[0]
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("depth", [127, 500, 1000])
def test_nesting(httpserver: HTTPServer, depth: int) -> None:
    value = posted(httpserver, b"\x91" * depth + b"\x05")
    for _ in range(depth):
        (value,) = value
    assert value == 5


BROKEN = {
    "too deep": (b"\x91" * 1100 + b"\x01", "depth limit exceeded"),
    "far too deep": (b"\x81\xa1k" * 1_000_000, "depth limit exceeded"),
    "cut": (b"\x92\x01", "unexpected end of data"),
    "huge array": (b"\xdd\xff\xff\xff\xff\x01", "unexpected end of data"),
    "huge arrays": (b"\xdd\x00\x0f\xff\xff" * 1000 + b"\0" * 1_100_000, "unexpected end of data"),
    "huge text": (b"\xdb\xff\xff\xff\xffab", "unexpected end of data"),
    "no marker": (b"\xc1", "a byte that begins no value"),
    "two documents": (b"\x01\x02", "the document ends before the body does"),
    "invalid text": (b"\xa1\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    "list as a key": (b"\x81\x91\x01\x02", "a map's key: unhashable type: 'list'"),
    "JSON": (b'{"a":1}', "the document ends before the body does"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_read(httpserver: HTTPServer, body: bytes, reason: str) -> None:
    with pytest.raises(InvalidResponse) as caught:
        posted(httpserver, body)
    assert str(caught.value).startswith(f"Failed to parse response MessagePack: {reason} (batch 0, status 200, http://")
    assert repr(body[:50])[:-1] in str(caught.value)
    assert len(str(caught.value)) < 500
    for call in (
        lambda client: client.embed(["a"], "m"),
        lambda client: client.rerank("q", ["a"]),
        lambda client: client.classify(["a"]),
    ):
        for path in ("/v1/embeddings", "/rerank", "/predict"):
            httpserver.expect_request(path).respond_with_data(body, content_type="application/msgpack")
        with pytest.raises(InvalidResponse, match=r"^Failed to parse response MessagePack: "):
            call(PerformanceClient(httpserver.url_for(""), "k"))


@pytest.mark.parametrize("status", [200, 204])
def test_no_body(httpserver: HTTPServer, status: int) -> None:
    response = Response(b"", status, content_type="application/msgpack")
    httpserver.expect_request("/x").respond_with_response(response)
    httpserver.expect_request("/v1/embeddings").respond_with_response(response)
    client = PerformanceClient(httpserver.url_for(""), "k")
    assert client.batch_post("/x", [1]).data == [None]
    assert client.batch_post("/x", [1], method="DELETE").data == [{}]
    with pytest.raises(InvalidResponse, match=r"^Failed to parse response MessagePack: unexpected end of data"):
        client.embed(["a"], "m")


def test_delete_need_not_answer_in_its_format(httpserver: HTTPServer) -> None:
    assert posted(httpserver, msgpack.packb({"deleted": b"1"}), method="DELETE") == {"deleted": b"1"}
    httpserver.clear()
    assert posted(httpserver, b"\xc1", method="DELETE") == {}


@pytest.mark.parametrize(
    ("embedding", "reason"),
    [
        (None, "vector 0: neither an array of numbers nor a string"),
        (0, "vector 0: neither an array of numbers nor a string"),
        ([1.0, None], "vector 0: an element is not a number"),
        ([[1.0]], "vector 0: an element is not a number"),
        (b"\0\0\x80?", "an `embedding` must be an array of numbers or a string, not binary"),
        (msgpack.ExtType(5, b"1234"), "an `embedding` must be an array of numbers or a string, not extension"),
    ],
)
def test_what_is_no_vector(httpserver: HTTPServer, embedding: Any, reason: str) -> None:
    body = msgpack.packb({"data": [{"index": 0, "embedding": embedding}]})
    httpserver.expect_request("/v1/embeddings").respond_with_data(body, content_type="application/msgpack")
    with pytest.raises(InvalidResponse) as caught:
        PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")
    assert str(caught.value).startswith(f"Failed to parse response MessagePack: {reason} (batch 0, ")


def test_errors_in_msgpack(httpserver: HTTPServer) -> None:
    response = Response(msgpack.packb({"error": "ü"}), 404, content_type="application/msgpack")
    httpserver.expect_request("/v1/embeddings").respond_with_response(response)
    with pytest.raises(OSError) as caught:
        PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")
    assert caught.value.response.content == response.data  # type: ignore[attr-defined]
