"""HTTP for servers with a behaviour: connections that bring requests in full, and the program that serves them."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import subprocess
import sys
from collections.abc import Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

_BACKLOG = 4096
_STOP_TIMEOUT_S = 10.0


class Connection(asyncio.Protocol):
    """One connection; a request is looked at when it is here in full. Bodies must come with a content-length."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by type

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            length = _content_length(head) if end else 0
            if not end or len(rest) < length:
                return
            self.buffer = rest[length:]
            self.arrived(head, rest[:length])

    def arrived(self, head: bytes, body: bytes) -> None:
        """A request is here."""
        raise NotImplementedError

    def write(self, status: int, headers: bytes, body: bytes) -> None:
        """A whole response; `headers` are whole lines."""
        phrase = HTTPStatus(status).phrase.encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b"
            % (status, phrase, headers, len(body), body)
        )


class Program:
    """Owns a module that runs as a server until end(). It ends when its standard input does, so also with its owner.

    Its first line is the list of its ports; its second line, when it ends, is what it has counted.
    """

    def __init__(self, module: str, description: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(description)],
            cwd=Path(__file__).resolve().parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        assert self.process.stdout is not None
        ports = self.process.stdout.readline()
        if not ports:
            raise RuntimeError(f"{module} ended with code {self.process.wait()}")
        self.base_urls = [f"http://127.0.0.1:{port}" for port in json.loads(ports)]

    def end(self) -> Any:
        """Ends the program; what it has counted."""
        try:
            said, _ = self.process.communicate(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return json.loads(said)


def listening(port: int) -> socket.socket:
    """A listener on the loopback; port 0 is a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener


async def until_owner_ends() -> None:
    """Wait for the end of standard input."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


def run(serving: Coroutine[Any, Any, None]) -> None:
    """All of a program: one event loop, uvloop, so that it is never what a client waits for."""
    asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    asyncio.run(serving)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
