"""Faults on order: the notation, which requests they hit, and what they do on the wire."""

from __future__ import annotations

import http.client
import json
import math
import socket
import time
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgpack
import numpy
import pytest

from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embedding

INPUT = b'{"input":["a","b","c"],"model":"m","dimensions":4}'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def wire(base_url: str, path: str = "/v1/embeddings", body: bytes = INPUT) -> bytes:
    """All bytes of the answer on a connection that is asked to be closed; ConnectionResetError when it is broken."""
    parts = urlsplit(base_url)
    assert parts.hostname is not None and parts.port is not None
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as raw:
        head = (
            f"POST {parts.path}{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        raw.sendall(head.encode() + body)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def response(
    base_url: str, path: str = "/v1/embeddings", body: bytes = INPUT
) -> tuple[http.client.HTTPResponse, bytes]:
    parts = urlsplit(base_url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("POST", parts.path + path, body)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def answered(base_url: str, path: str = "/v1/embeddings", body: bytes = INPUT) -> Any:
    return json.loads(response(base_url, path, body)[1])


def status(base_url: str, path: str = "/x", body: bytes = b"1") -> int:
    return response(base_url, path, body)[0].status


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", Faults()),
        ("latency=0.2,status=503,times=2,retry_after=0.1", Faults(latency=0.2, status=503, times=2, retry_after=0.1)),
        ("reset,stall_body,missing=usage+model", Faults(reset=True, stall_body=True, missing="usage+model")),
        ("content_type=text%2Fhtml%2C%20x", Faults(content_type="text/html, x")),
        ("retry_after=0", Faults(retry_after=0.0)),
    ],
)
def test_parse_and_format(text: str, faults: Faults) -> None:
    assert Faults.parse(text) == faults
    assert Faults.parse(faults.format()) == faults
    assert faults.prefix == "/-/" + faults.format()


@pytest.mark.parametrize("text", ["nope", "status=x", "reset=1", "missing=sense", "status=99", "times=-1", "latency"])
def test_faults_that_do_not_exist_are_refused(server: Server, text: str) -> None:
    with pytest.raises(ValueError):
        Faults.parse(text)
    answer, body = response(f"{server.url}/-/{text}")
    assert answer.status == 400
    assert b"faults: " in body


def test_times_counts_each_distinct_request(server: Server) -> None:
    url = server.faulty(status=503, times=2)
    assert [status(url, body=body) for body in (b"1", b"2", b"1", b"2", b"1", b"2")] == [503, 503, 503, 503, 200, 200]
    assert status(url, path="/other") == 503
    assert status(server.faulty(status=503, times=2)) == 503


def test_first_and_every(server: Server) -> None:
    url = server.faulty(status=500, first=2)
    assert [status(url, body=b"%d" % number) for number in range(4)] == [500, 500, 200, 200]
    url = server.faulty(status=500, every=3)
    assert [status(url) for _ in range(6)] == [200, 200, 500, 200, 200, 500]


def test_containing(server: Server) -> None:
    url = server.faulty(status=400, containing='"poi,son/"')
    assert status(url, body=b'["poi,son/"]') == 400
    assert status(url, body=b"[]") == 200


def test_faults_in_sequence(server: Server) -> None:
    url = server.faulty(Faults(status=503, times=1), Faults(reset=True, times=1))
    assert status(url) == 503
    with pytest.raises(ConnectionResetError):
        status(url)
    assert status(url) == 200


def test_reset_of_the_server_clears_the_counts(server: Server) -> None:
    url = server.faulty(status=503, first=1)
    assert [status(url), status(url)] == [503, 200]
    server.reset()
    assert [status(url), status(url)] == [503, 200]


def test_latencies(server: Server, eventually: Callable[..., None]) -> None:
    start = time.monotonic()
    assert status(server.faulty(latency=0.2)) == 200
    assert time.monotonic() - start >= 0.2
    start = time.monotonic()
    assert response(server.faulty(body_latency=0.2), "/x", b"[1]")[1] == b"[1]"
    assert time.monotonic() - start >= 0.2
    # The head comes before the body is due.
    parts = urlsplit(server.faulty(body_latency=3600.0))
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.request("POST", parts.path + "/x", b"[1]")
    assert connection.getresponse().status == 200
    connection.close()
    eventually(lambda: server.statistics().requests_aborted == 1)


def test_status_and_its_headers(server: Server) -> None:
    answer, body = response(server.faulty(status=429, retry_after=1.5, retry_after_ms=20, location="/there"))
    assert answer.status == 429
    assert json.loads(body)["error"]["code"] == 429
    assert (answer.getheader("retry-after"), answer.getheader("retry-after-ms")) == ("1.5", "20")
    assert answer.getheader("location") == "/there"
    before = time.time()
    answer, _ = response(server.faulty(status=503, retry_after_date=30))
    date = parsedate_to_datetime(str(answer.getheader("retry-after"))).timestamp()
    assert before + 29 <= date <= time.time() + 31  # it has whole seconds
    assert response(server.faulty(status=201))[0].status == 201
    assert wire(server.faulty(status=204)).endswith(b"\r\n\r\n")
    assert wire(server.faulty(status=799)).startswith(b"HTTP/1.1 799 Unknown\r\n")


def test_connections_that_break_before_the_answer(server: Server) -> None:
    server.reset()
    with pytest.raises(ConnectionResetError):
        wire(server.faulty(reset=True))
    assert wire(server.faulty(close=True)) == b""
    assert not wire(server.faulty(garbage=True)).startswith(b"HTTP")
    counts = server.statistics()
    assert (counts.requests_active, counts.requests_aborted) == (0, 0)


def test_bodies_that_are_cut(server: Server) -> None:
    whole = wire(server.url).partition(b"\r\n\r\n")[2]
    cut = wire(server.faulty(truncate=True))
    assert cut.endswith(whole[: len(whole) // 2])
    assert b"content-length: %d\r\n" % len(whole) in cut
    overstated = wire(server.faulty(overstate=True))
    assert overstated.endswith(whole)
    assert b"content-length: %d\r\n" % (len(whole) + 100) in overstated
    with pytest.raises(ConnectionResetError):
        wire(server.faulty(reset_body=True))
    chunked = wire(server.faulty(truncate=True, chunked=True))
    assert not chunked.endswith(b"0\r\n\r\n")


def test_stalls(server: Server) -> None:
    for url, expected in ((server.faulty(stall=True), b""), (server.faulty(stall_body=True), b"HTTP/1.1 200 OK")):
        with socket.create_connection((server.host, server.port), timeout=0.3) as raw:
            raw.sendall(f"POST {urlsplit(url).path}/x HTTP/1.1\r\nContent-Length: 4\r\n\r\n[12]".encode())
            received = b""
            with pytest.raises(TimeoutError):
                while True:
                    received += raw.recv(65536)
            assert received[:15] == expected
    assert received.endswith(b"content-length: 4\r\n\r\n[1")


def test_keep_alive_ends_unannounced(server: Server) -> None:
    path = urlsplit(server.faulty(close_after=True)).path
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        raw.sendall(f"POST {path}/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.endswith(b"[]")
    assert b"connection" not in answer


def test_framing(server: Server) -> None:
    expected = answered(server.url)
    answer, body = response(server.faulty(chunked=True))
    assert answer.getheader("transfer-encoding") == "chunked"
    assert json.loads(body) == expected
    assert b"\r\n\r\n1\r\n{\r\n1\r\n" in wire(server.faulty(chunked=True))
    old = wire(server.faulty(http10=True))
    assert old.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"content-length" not in old
    assert wire(server.faulty(early_hints=True)).startswith(b"HTTP/1.1 103 Early Hints\r\n")


@pytest.mark.parametrize(("name", "window"), [("gzip", 31), ("deflate", 15)])
def test_compression(server: Server, name: str, window: int) -> None:
    answer, body = response(server.faulty(Faults(**{name: True})))  # type: ignore[arg-type]
    assert answer.getheader("content-encoding") == name
    assert json.loads(zlib.decompress(body, window)) == answered(server.url)


def test_text_of_the_body(server: Server) -> None:
    answer, body = response(server.faulty(pretty=True))
    assert json.loads(body) == answered(server.url)
    assert body.startswith(b"\r\n\t {\n")
    with pytest.raises(ValueError):
        answered(server.faulty(invalid_json=True))
    answer, body = response(server.faulty(not_json=True))
    assert (answer.status, answer.getheader("content-type")) == (200, "text/html; charset=utf-8")
    assert response(server.faulty(empty=True))[1] == b""
    answer, _ = response(server.faulty(content_type="application/x,y", set_cookie=True))
    assert answer.getheader("content-type") == "application/x,y"
    assert len(answer.headers.get_all("set-cookie", [])) == 2


def test_items(server: Server) -> None:
    many = json.dumps({"input": [f"text {number}" for number in range(20)], "dimensions": 4}).encode()
    items = answered(server.faulty(shuffle=True), body=many)["data"]
    indexes = [item["index"] for item in items]
    assert indexes != sorted(indexes)
    assert sorted(indexes) == list(range(20))
    for item in items:
        numbers = numpy.array(item["embedding"], dtype=numpy.float32)
        assert numpy.array_equal(numbers, embedding(f"text {item['index']}", 4))
    assert answered(server.faulty(shuffle=True), body=many)["data"] == items
    assert [item["index"] for item in answered(server.faulty(drop_item=True))["data"]] == [0, 2]
    assert [item["index"] for item in answered(server.faulty(extra_item=True))["data"]] == [0, 1, 2, 3]
    assert [item["index"] for item in answered(server.faulty(duplicate_index=True))["data"]] == [0, 1, 0]
    rerank = b'{"query":"a","texts":["a","b","c"]}'
    assert len(answered(server.faulty(drop_item=True), "/rerank", rerank)) == 2
    assert len(answered(server.faulty(extra_item=True), "/predict", b'{"inputs":[["a"],["b"]]}')) == 3
    cohere = b'{"query":"a","documents":["a","b","c"]}'
    assert len(answered(server.faulty(drop_item=True, ragged=True), "/v1/rerank", cohere)["results"]) == 2
    found = answered(server.faulty(duplicate_index=True), "/v1/rerank", cohere)["results"]
    assert found[0]["index"] == found[2]["index"]
    classify = b'{"input":["a","b"]}'
    found = answered(server.faulty(extra_item=True), "/classify", classify)["data"]
    assert [item["index"] for item in found] == [0, 1, 2]
    assert len(answered(server.faulty(extra_item=True, nan=True), "/infinity/classify", classify)["data"]) == 3


def test_vectors(server: Server) -> None:
    assert list(answered(server.faulty(index_last=True))["data"][0]) == ["object", "embedding", "index"]
    assert [len(item["embedding"]) for item in answered(server.faulty(ragged=True))["data"]] == [4, 4, 3]
    assert [item["embedding"] is None for item in answered(server.faulty(null_embedding=True))["data"]] == [0, 1, 0]
    middle = answered(server.faulty(nan=True))["data"][1]["embedding"]
    assert [math.isnan(number) for number in middle] == [True, False, False, False]
    base64 = b'{"input":["a","b"],"dimensions":4,"encoding_format":"base64"}'
    lengths = [len(b64decode(item["embedding"])) for item in answered(server.faulty(ragged=True), body=base64)["data"]]
    assert lengths == [16, 12]


def test_missing_keys(server: Server) -> None:
    assert "usage" not in answered(server.faulty(missing="usage"))
    answer = answered(server.faulty(missing="model+object+index+total_tokens"))
    assert set(answer) == {"data", "usage"}
    assert answer["usage"] == {"prompt_tokens": 3}
    assert set(answer["data"][0]) == {"object", "embedding"}
    assert set(answered(server.faulty(missing="item_object+embedding"))["data"][0]) == {"index"}
    assert "data" not in answered(server.faulty(missing="data"))


def test_msgpack(server: Server) -> None:
    answer, body = response(server.faulty(msgpack=True))
    assert answer.getheader("content-type") == "application/msgpack"
    expected = answered(server.url)
    found = msgpack.unpackb(body)
    for item, other in zip(found["data"], expected["data"], strict=True):
        assert numpy.array_equal(numpy.array(item.pop("embedding"), "f4"), numpy.array(other.pop("embedding"), "f4"))
    assert found == expected
    assert msgpack.unpackb(response(server.faulty(msgpack=True), "/x", b'{"a":[1.5,null]}')[1]) == {"a": [1.5, None]}
    assert json.loads(response(server.faulty(msgpack=True, status=404))[1])["error"]["code"] == 404
    with pytest.raises(ValueError, match="nan"):
        Faults(msgpack=True, nan=True)
