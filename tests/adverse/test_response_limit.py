"""max_response_bytes: no response brings more than that, in whichever way it comes; errors bring a megabyte at most."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from requests.exceptions import HTTPError

from baseten_perf import InvalidResponse, PerformanceClient, RequestProcessingPreference

Hasty = Callable[..., RequestProcessingPreference]
Call = Callable[[Any, Any], Any]

LIMIT = 1_000_000
MEBIBYTE = 1 << 20
CALLS: dict[str, Call] = {
    "embed": lambda client, preference: client.embed(["a"], "m", preference=preference),
    "rerank": lambda client, preference: client.rerank("q", ["a"], preference=preference),
    "classify": lambda client, preference: client.classify(["a"], preference=preference),
    "batch_post": lambda client, preference: client.batch_post("/x", [1], preference),
}


def sent_whole(head: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def endless(listener: Any) -> Callable[..., Any]:
    """A listener whose responses begin with these bytes and go on with `more` until the client has gone."""

    def make(first: bytes, more: bytes) -> Any:
        def script(connection: socket.socket) -> None:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            connection.sendall(first)
            while True:
                connection.sendall(more)

        return listener(script)

    return make


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = "Transfer-Encoding: chunked"
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "numbers": (b'HTTP/1.1 200 OK\r\n\r\n{"data":[{"embedding":[1', b",1.5" * 5000),
    "a string": (b'HTTP/1.1 200 OK\r\n\r\n{"data":[{"embedding":"', b"abcd" * 5000),
    "anything": (b"HTTP/1.1 200 OK\r\n\r\n[", b" " * 20_000),
    "no JSON": (b"HTTP/1.1 200 OK\r\n\r\nfailed!", b" " * 20_000),
    "chunks": (f"HTTP/1.1 200 OK\r\n{CHUNKED}\r\n\r\n".encode(), chunk(b"[" * 20_000)),
    "msgpack": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/msgpack\r\n\r\n",
        b"\xc6\xff\xff\xff\xff" + b"x" * 20_000,
    ),
    "gzip members": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"[" * 100_000)),
    "announced": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b" " * 20_000),
}


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("first", "more"), ENDLESS.values(), ids=ENDLESS)
def test_an_endless_success(endless: Any, hasty: Hasty, call: Call, first: bytes, more: bytes) -> None:
    server = endless(first, more)
    with pytest.raises(InvalidResponse) as caught:
        call(PerformanceClient(server.url, "k"), hasty(max_retries=4, max_response_bytes=LIMIT))
    assert f"the body is larger than max_response_bytes={LIMIT}" in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert (caught.value.status, server.accepted) == (200, 1)


@pytest.mark.parametrize("call", [CALLS["embed"], CALLS["batch_post"]], ids=["embed", "batch_post"])
@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "gzip, gzip"])
def test_the_limit_itself(playing: Any, hasty: Hasty, call: Call, coding: str) -> None:
    body = plain = json.dumps({"data": [{"embedding": [0.5] * 3000, "index": 0}], "pad": " " * 5000}).encode()
    for name in filter(None, coding.split(", ")):
        body = gzip.compress(body) if name == "gzip" else zlib.compress(body)
    listener = playing(sent_whole(f"200 OK\r\nContent-Encoding: {coding}", body))
    client = PerformanceClient(listener.url, "k")
    call(client, hasty(max_retries=0, max_response_bytes=len(plain)))
    with pytest.raises(InvalidResponse, match=f"max_response_bytes={len(plain) - 1} "):
        call(client, hasty(max_retries=0, max_response_bytes=len(plain) - 1))


def test_what_one_coding_gives_to_the_next_is_limited(playing: Any, hasty: Hasty) -> None:
    """A megabyte of nothing but empty members, compressed again to next to nothing."""
    body = gzip.compress(gzip.compress(b"") * 100_000 + gzip.compress(b"[1]"))
    listener = playing(sent_whole("200 OK\r\nContent-Encoding: gzip, gzip", body))
    client = PerformanceClient(listener.url, "k")
    assert client.batch_post("/x", [1], hasty(max_retries=0)).data == [[1]]
    with pytest.raises(InvalidResponse, match="max_response_bytes=1000000 "):
        client.batch_post("/x", [1], hasty(max_retries=0, max_response_bytes=LIMIT))


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("status", [404, 429, 500])
def test_an_endless_error(endless: Any, hasty: Hasty, call: Call, status: int) -> None:
    server = endless(f"HTTP/1.1 {status} No\r\nX-A: 1\r\n\r\nsorry".encode(), b"y" * 20_000)
    with pytest.raises(HTTPError) as caught:
        call(PerformanceClient(server.url, "k"), hasty(max_retries=2, max_response_bytes=1024, patience_s=0))
    response = caught.value.response
    assert response is not None
    assert (response.status_code, caught.value.args[0], response.headers["x-a"]) == (status, status, "1")
    assert response.content == b"sorry" + b"y" * (MEBIBYTE - 5)
    if status != 429:
        assert server.accepted == (3 if status == 500 else 1)


def test_an_error_of_a_megabyte_is_whole(playing: Any, hasty: Hasty) -> None:
    for size in (MEBIBYTE, MEBIBYTE + 1):
        listener = playing(sent_whole("404 No", b"z" * size))
        with pytest.raises(HTTPError) as caught:
            PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=0))
        assert caught.value.response is not None
        assert caught.value.response.content == b"z" * MEBIBYTE


def test_a_compressed_error(playing: Any, hasty: Hasty) -> None:
    listener = playing(sent_whole("404 No\r\nContent-Encoding: gzip", gzip.compress(b"z" * 50_000_000)))
    with pytest.raises(HTTPError) as caught:
        PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=0))
    response = caught.value.response
    assert response is not None
    assert response.content == b"z" * MEBIBYTE
    assert "content-encoding" not in response.headers


def test_an_endless_compressed_error(endless: Any, hasty: Hasty) -> None:
    """What has come of it is shown as far as it can be decoded."""
    member = gzip.compress(bytes(range(256)), compresslevel=0)
    server = endless(b"HTTP/1.1 404 No\r\nContent-Encoding: gzip\r\n\r\n", member * 100)
    with pytest.raises(HTTPError) as caught:
        PerformanceClient(server.url, "k").batch_post("/x", [1], hasty(max_retries=0))
    response = caught.value.response
    assert response is not None
    assert MEBIBYTE * 0.8 < len(response.content) < MEBIBYTE
    assert response.content[:512] == bytes(range(256)) * 2


def test_the_client_goes_on(endless: Any, playing: Any, hasty: Hasty) -> None:
    server = endless(b"HTTP/1.1 200 OK\r\n\r\n[", b"1," * 10_000)
    client = PerformanceClient(server.url, "k")
    good = playing(sent_whole("200 OK", b"[1]"))
    for _ in range(3):
        with pytest.raises(InvalidResponse):
            client.batch_post("/x", [1, 2, 3], hasty(max_response_bytes=LIMIT))
        assert PerformanceClient(good.url, "k").batch_post("/x", [1], hasty()).data == [[1]]
