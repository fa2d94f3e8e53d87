"""The head of a response: which line is its status, which lines are its headers, and how much of it there may be."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from requests.exceptions import HTTPError

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]


@pytest.fixture
def headers_of(playing: Any, hasty: Hasty) -> Callable[[bytes], dict[str, str]]:
    """The headers of a response to batch_post, whose body must be [1]."""

    def make(raw: bytes) -> dict[str, str]:
        response = PerformanceClient(playing(raw).url, "k").batch_post("/x", [1], hasty(max_retries=0))
        assert response.data == [[1]]
        return response.response_headers[0]

    return make


@pytest.mark.parametrize("line", ["HTTP/foo: 200", "HTTP/1: 500 X", "HTTP/1.1: 500", "http/1.1 500: x", "HTTP/: 500"])
@pytest.mark.parametrize("first", ["", "x-a: 1\r\n"])
def test_a_header_that_looks_like_a_status_line(headers_of: Any, line: str, first: str) -> None:
    name, _, value = line.partition(":")
    headers = headers_of(f"HTTP/1.1 200 OK\r\n{first}{line}\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n[1]".encode())
    assert (headers[name.lower()], headers["x-b"], headers.get("x-a", "")) == (value.strip(), "2", first[5:6])


def test_an_error_keeps_its_status(playing: Any, hasty: Hasty) -> None:
    listener = playing(b"HTTP/1.1 404 No\r\nHTTP/foo: 200\r\nContent-Length: 3\r\n\r\n[1]")
    with pytest.raises(HTTPError) as caught:
        PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=0))
    assert caught.value.args[0] == 404


@pytest.mark.usefixtures("poller")
def test_trailers_change_nothing(headers_of: Any) -> None:
    trailers = b"X-A: 2\r\nX-B: 3\r\nContent-Encoding: gzip\r\nContent-Type: application/msgpack\r\nHTTP/1.1 500: x\r\n"
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    headers = headers_of(head + b"3\r\n[1]\r\n0\r\n" + trailers + b"\r\n")
    assert headers == {"x-a": "1", "content-type": "application/json", "transfer-encoding": "chunked"}


def test_trailers_of_embeddings(playing: Any, hasty: Hasty) -> None:
    body = json.dumps({"data": [{"index": 0, "embedding": [1.5, 2.0]}]}).encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(body), body)
    listener = playing(head + b"Content-Type: application/msgpack\r\nHTTP/1.1 503 x: 1\r\n\r\n")
    response = PerformanceClient(listener.url, "k").embed(["a"], "m", preference=hasty(max_retries=0))
    assert response.data[0].embedding == [1.5, 2.0]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends(headers_of: Any, end: str) -> None:
    lines = ["HTTP/1.1 200 OK", "X-A: 1", "X-B:2  ", "X-C:", "Content-Length: 3", "", ""]
    expected = {"x-a": "1", "x-b": "2", "x-c": "", "content-length": "3"}
    assert headers_of(end.join(lines).encode() + b"[1]") == expected


def test_mixed_line_ends(headers_of: Any) -> None:
    raw = b"HTTP/1.1 200 OK\nX-A: 1\r\nX-B: 2\nX-C: 3\r\nContent-Length: 3\n\r\n[1]"
    assert headers_of(raw) == {"x-a": "1", "x-b": "2", "x-c": "3", "content-length": "3"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blanks", [" ", "\t", "   \t "])
def test_folded_lines(headers_of: Any, end: str, blanks: str) -> None:
    lines = ["HTTP/1.1 200 OK", "X-A: 1", f"{blanks}2", f"{blanks}3", "X-B: 4", "Content-Length: 3", "", ""]
    headers = headers_of(end.join(lines).encode() + b"[1]")
    assert headers["x-a"].split() == ["1", "2", "3"]
    assert (headers["x-b"], headers["content-length"]) == ("4", "3")


def test_a_folded_coding(headers_of: Any) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: utf-8,\r\n binary\r\nContent-Length: 3\r\n\r\n[1]"
    assert headers_of(raw)["content-encoding"].replace(" ", "") == "utf-8,binary"


def test_the_last_response_counts(headers_of: Any) -> None:
    raw = (
        b"HTTP/1.1 103 Early Hints\r\nX-A: 1\r\nContent-Encoding: gzip\r\nContent-Type: application/msgpack\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n[1]"
    )
    assert headers_of(raw) == {"x-b": "2", "content-length": "3"}


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(
    "line", [b"x-%d: " + b"y" * 1000 + b"\r\n", b"x-%d: " + b"y" * 1000 + b"\n", b" %d" + b"z" * 1000]
)
def test_an_endless_head(listener: Any, hasty: Hasty, line: bytes) -> None:
    sent = 0

    def script(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nx-a: 1\r\n")
        for number in range(100_000):
            connection.sendall(line % number)
            sent += len(line)

    with pytest.raises(APIConnectionError, match=r"(?i)header|larger than allowed"):
        PerformanceClient(listener(script).url, "k").batch_post("/x", [1], hasty(max_retries=0))
    assert sent < 20_000_000  # what the sockets hold, and far less than all


NO_HTTP = [
    b"upstream connect error or disconnect/reset before headers\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 2",
    b"HTTP/1.1 000 X\r\n\r\n",
    b"HTTP/1.1 20 X\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
]


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("answer", NO_HTTP, ids=lambda answer: repr(answer[:40]))
def test_what_is_no_http_is_tried_again(listener: Any, hasty: Hasty, answer: bytes) -> None:
    answers = [answer, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]"]

    def script(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"\r\n\r\n1"):
            received += connection.recv(65536)
        connection.sendall(answers.pop(0))

    one = listener(script)
    assert PerformanceClient(one.url, "k").batch_post("/x", [1], hasty(max_retries=4)).data == [[1]]
    assert one.accepted == 2


def test_what_is_no_http_behind_a_redirect_is_final(server: Server, playing: Any, hasty: Hasty) -> None:
    """The next attempt would be sent there again."""
    elsewhere = playing(NO_HTTP[0])
    client = PerformanceClient(server.faulty(status=307, location=elsewhere.url + "/y"), "k")
    with pytest.raises(APIConnectionError) as caught:
        client.batch_post("/x", [1], hasty(max_retries=4))
    assert caught.value.attempts == 1  # type: ignore[attr-defined]
    assert elsewhere.accepted == 1
