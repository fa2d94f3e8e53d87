"""A stream of 200 MB of rows, also to a consumer that is slow: the process never holds much more than at its start."""

from __future__ import annotations

import resource
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from baseten_perf import PerformanceClient

ROOM = 100_000_000
BATCH, DIM, BATCHES = 64, 1024, 800
VECTOR = b64encode(bytes(4 * DIM))
ITEMS = b",".join(b'{"index":%d,"embedding":"%b"}' % (i, VECTOR) for i in range(BATCH))
BODY = b'{"data":[%b],"usage":{"total_tokens":%d}}' % (ITEMS, BATCH)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


def peak() -> int:
    """The most bytes that were ever resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answer(connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as requests:
        while requests.readline():
            length = 0
            while (line := requests.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            requests.read(length)
            connection.sendall(ANSWER)


def serve() -> str:
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def texts() -> Iterator[str]:
    return (f"text {i}" for i in range(BATCH * BATCHES))


def main() -> None:
    client = PerformanceClient(serve(), "key")
    options: Any = {"batch_size": BATCH, "max_concurrent_requests": 16}
    client.embed(["text"] * BATCH * 16, "m", **options)
    for slow in (False, True):
        before = peak()
        total = tokens = 0
        for number, batch in enumerate(client.iter_embed(texts(), "m", **options)):
            assert batch.start == total
            assert batch.numpy().shape == (BATCH, DIM)
            total = batch.stop
            tokens += batch.usage.total_tokens
            if slow and number < 30:
                time.sleep(0.02)
        assert total == tokens == BATCH * BATCHES
        assert peak() - before < ROOM, (peak() - before) // 1_000_000
    print("done")


main()
