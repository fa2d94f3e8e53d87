"""Answers without end, and small ones that become very large: the process never holds more than max_response_bytes."""

from __future__ import annotations

import resource
import socket
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator

import requests

from baseten_perf import InvalidResponse, PerformanceClient, RequestProcessingPreference

LIMIT = 16_000_000
ROOM = 48_000_000  # the limit, what grows by doubling, buffers
LARGE = 400_000_000
EMBEDDING = b'{"data":[{"embedding":[1'


def peak() -> int:
    """The most bytes that were ever resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def bomb(first: bytes, more: bytes, bits: int) -> bytes:
    """A compressed body of many megabytes."""
    compressor = zlib.compressobj(level=1, wbits=bits)
    parts = [compressor.compress(first)]
    block = more * (1_000_000 // len(more))
    parts += [compressor.compress(block) for _ in range(LARGE // len(block))]
    return b"".join((*parts, compressor.flush()))


def endless(first: bytes, more: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield more


def serve(status: str, coding: str, body: Callable[[], Iterable[bytes]]) -> str:
    """Answer every connection with this, in pieces; gives the base URL."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            connection, _ = listening.accept()
            connection.recv(65536)
            head = f"HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\n\r\n"
            try:
                connection.sendall(head.encode())
                for piece in body():
                    connection.sendall(piece)
            except OSError:
                pass  # the client has had enough
            connection.close()

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def main() -> None:
    white = bomb(b"[", b" " * 1000, 31)
    numbers = bomb(EMBEDDING, b",1.25" * 200, 15)
    preference = RequestProcessingPreference(max_retries=0, max_response_bytes=LIMIT)
    servers = [
        serve("200 OK", "gzip", lambda: [white]),
        serve("200 OK", "deflate", lambda: [numbers]),
        serve("200 OK", "identity", lambda: endless(b"[", b" " * 60_000)),
        serve("200 OK", "identity", lambda: endless(EMBEDDING, b",1.25" * 12_000)),
        serve("500 No", "identity", lambda: endless(b"[", b" " * 60_000)),
        serve("500 No", "gzip", lambda: [white]),
    ]
    before = peak()
    for url in servers * 2:
        client = PerformanceClient(url, "key")
        for call in (
            lambda client=client: client.batch_post("/x", [1], preference),
            lambda client=client: client.embed(["a"], "m", preference=preference),
        ):
            try:
                call()
            except (InvalidResponse, requests.exceptions.HTTPError) as refused:
                assert len(str(refused)) < 1_100_000
            else:
                raise AssertionError("no failure")
    grown = peak() - before
    assert grown < ROOM, f"{grown / 1e6:.0f} MB more"
    print("done")


main()
