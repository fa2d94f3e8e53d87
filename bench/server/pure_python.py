"""The canned server where there is no nginx: asyncio, one process, pipelined keep-alive, nothing but fixed answers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import cast

from bench.server.canned import bodies
from bench.server.running import RunningServer

_TITLE = "pure Python asyncio, 1 process (the bottleneck: compare CPU per request only)"


class CannedProtocol(asyncio.Protocol):
    """One connection. Bodies must come with a content-length; they are counted, not kept."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.head = b""
        self.missing = 0  # bytes of the current request's body that have not come yet
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by type

    def data_received(self, data: bytes) -> None:
        while data:
            if self.missing:
                taken = min(self.missing, len(data))
                self.missing -= taken
                data = data[taken:]
            else:
                head, end, data = (self.head + data).partition(b"\r\n\r\n")
                if not end:
                    self.head = head
                    return
                self.head = b""
                self._begin(head)
            if not self.missing:
                self.respond(self.answer)

    def respond(self, answer: bytes) -> None:
        """Called once for each request, when its body has come."""
        self.transport.write(answer)

    def _begin(self, head: bytes) -> None:
        request_line, *lines = head.split(b"\r\n")
        self.answer = self.answers.get(request_line.split(b" ")[1], response(404, b"{}"))
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self.missing = int(value)


def response(status: int, body: bytes, coding: str = "") -> bytes:
    """A whole HTTP/1.1 response of JSON, in this content coding."""
    status_line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    coded = f"content-encoding: {coding}\r\n" if coding else ""
    return f"{status_line}{headers}{coded}\r\n".encode() + body


def responses(routes: Iterable[str]) -> dict[bytes, bytes]:
    """Paths with the whole responses to them."""
    return {path.encode(): response(200, *body) for path, body in bodies(routes).items()}


async def _serve() -> None:
    answers = responses(sys.argv[1:])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: CannedProtocol(answers), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def start(routes: Iterable[str]) -> RunningServer:
    """Starts this file as a program of its own with these answers, and reads its port from it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server.pure_python", *routes], cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    if not port:
        raise RuntimeError(f"the pure Python server ended with code {process.wait()}")
    directory = Path(tempfile.mkdtemp(prefix="bench-python-"))
    return RunningServer(_TITLE, f"http://127.0.0.1:{port}", process, directory)


if __name__ == "__main__":
    asyncio.run(_serve())
