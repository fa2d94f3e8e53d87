"""Answers that the memory left under a limit does not suffice for are MemoryErrors, and the process goes on."""

from __future__ import annotations

import resource
import socket
import sys
import threading
from pathlib import Path

from baseten_perf import PerformanceClient

MIB = 1024 * 1024
TEXT = 40 * MIB  # characters of the long answer, for which the engine has mapped 64 MiB when it has come
ANSWERS = {
    b"/string": (b'"', b"x" * MIB, b'"'),
    b"/invalid": (b"[", b"x" * MIB, b"]"),
    b"/escapes": (b'"', b"\\n" * (MIB // 2), b'"'),
    b"/lists": (b"[[]", b",[]\n" * (MIB // 4), b"]"),
}


def serve(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        received = connection.recv(65536)
        while not received.endswith(b"\r\n\r\n1"):
            received += connection.recv(65536)
        path = received.split(b" ")[1]
        before, middle, behind = ANSWERS.get(path, (b"", b"", b"5"))
        size = len(before) + TEXT // MIB * len(middle) + len(behind)
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size + before)
        for _ in range(TEXT // MIB):
            connection.sendall(middle)
        connection.sendall(behind)
        connection.close()


def mapped() -> int:
    """Bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listening,), daemon=True).start()
    client = PerformanceClient(f"http://127.0.0.1:{listening.getsockname()[1]}", "k")

    def small() -> None:
        assert client.batch_post("/small", [1]).data == [5]

    small()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    for spare in (80, 112, 192):
        for path in ANSWERS:
            resource.setrlimit(resource.RLIMIT_AS, (mapped() + spare * MIB, limits[1]))
            try:
                (answer,) = client.batch_post(path.decode(), [1]).data
            except MemoryError:
                pass
            except ValueError as refused:
                assert path == b"/invalid", refused
            else:
                assert path != b"/invalid" and len(answer) > MIB, path
            finally:
                resource.setrlimit(resource.RLIMIT_AS, limits)
            small()
    answer = client.batch_post("/string", [1]).data[0]
    assert len(answer) == TEXT


if sys.platform == "linux":
    main()
print("done")
