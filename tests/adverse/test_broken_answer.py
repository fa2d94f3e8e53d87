"""Answers that do not arrive whole, or are no HTTP: APIConnectionError, which is a ValueError too."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "embed": lambda client, preference: client.embed(["a"] * 3, "m", preference=preference),
    "rerank": lambda client, preference: client.rerank("q", ["a"] * 3, preference=preference),
    "classify": lambda client, preference: client.classify(["a"] * 3, preference=preference),
    "batch_post": lambda client, preference: client.batch_post("/x", [{"a": "b" * 100}], preference),
}
FAULTS = [
    {"reset": True}, {"close": True}, {"garbage": True}, {"truncate": True}, {"overstate": True}, {"reset_body": True},
    {"truncate": True, "chunked": True}, {"truncate": True, "gzip": True}, {"reset_body": True, "chunked": True},
]  # fmt: skip


def check(error: APIConnectionError) -> None:
    assert isinstance(error, requests.exceptions.ConnectionError)
    assert isinstance(error, ValueError)
    assert not isinstance(error, requests.exceptions.Timeout)
    assert error.response is None
    assert str(error).startswith("Request ID: perfclient-")
    assert error.attempts == 1  # type: ignore[attr-defined]


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("faults", FAULTS, ids=str)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_fault_in_every_operation(
    server: Server, hasty: Hasty, faults: dict[str, bool], call: Callable[[Any, Any], Any]
) -> None:
    with pytest.raises(APIConnectionError) as caught:
        call(PerformanceClient(server.faulty(**faults), "k"), hasty(max_retries=0))
    check(caught.value)


@pytest.mark.parametrize("faults", FAULTS[:4], ids=str)
def test_async(server: Server, hasty: Hasty, faults: dict[str, bool]) -> None:
    async def main() -> None:
        await PerformanceClient(server.faulty(**faults), "k").async_embed(
            ["a"], "m", preference=hasty(max_retries=0)
        )

    with pytest.raises(APIConnectionError) as caught:
        asyncio.run(main())
    check(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n[1]x",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[1]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n[1]\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/9.9 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 1_500_000 + b"\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_odd_bytes(playing: Any, hasty: Hasty, answer: bytes) -> None:
    listener = playing(answer)
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=0))
    check(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n[1]",
        b"HTTP/1.0 200 OK\r\n\r\n[1]",
        b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]trailing",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n[\r\n002\r\n1]\r\n0\r\ntrailer: t\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 3\n\n[1]",
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_odd_bytes_that_are_an_answer(playing: Any, hasty: Hasty, answer: bytes) -> None:
    listener = playing(answer)
    assert PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=0)).data == [[1]]


@pytest.mark.usefixtures("poller")
def test_an_answer_in_single_bytes(listener: Any, hasty: Hasty) -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n{"data":[{"index":0,"embedding":[1.5,-0.1,3e-5,12345678]}]}'
    answer = answer.replace(b"58", b"%d" % len(answer.partition(b"\r\n\r\n")[2]))

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        for byte in answer:
            connection.sendall(bytes([byte]))

    response = PerformanceClient(listener(script).url, "k").embed(["a"], "m", preference=hasty(max_retries=0))
    assert response.data[0].embedding == pytest.approx([1.5, -0.1, 3e-5, 12345678.0])


def test_a_connection_closed_while_idle_is_replaced(server: Server, hasty: Hasty, eventually: Any) -> None:
    client = PerformanceClient(server.faulty(close_after=True), "k")
    for number in range(5):
        assert client.batch_post("/x", [number], hasty(max_retries=0)).data == [number]
        eventually(lambda: server.statistics().connections_open == 0)
    assert server.statistics().connections_opened == 5


def test_the_client_goes_on(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(reset=True, containing="bad"), "k")
    for _ in range(3):
        with pytest.raises(APIConnectionError):
            client.batch_post("/x", ["bad", 1, 2], hasty(max_retries=0))
        assert client.batch_post("/x", list(range(10)), hasty()).data == list(range(10))
