"""A faulty reply on its way: delays, odd framing, cut bodies, broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from .damage import damaged
from .faults import Faults
from .reply import Reply, status_line

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
GARBAGE = b"\x16\x03\x00\xff this is not HTTP\n\x00\n\n"
CHUNK_SIZES = (1, 1, 2, 61, 3, 1, 17, 32, 5, 1, 7, 23)
OVERSTATEMENT = 100
BEFORE_RESET = 0.05  # seconds that the peer gets to read what was sent: RST makes its kernel drop what it has not read


class Line(Protocol):
    """What a delivery needs of its connection."""

    def write(self, block: bytes) -> None: ...

    def done(self, *, close: bool = False) -> None: ...

    def reset(self) -> None: ...


class Delivery:
    """One reply under faults. The connection keeps it while the reply is pending and stops it when the peer leaves."""

    def __init__(self, line: Line, compute: Callable[[], Reply], faults: Faults, *, bodyless: bool, last: bool) -> None:
        self._line = line
        self._compute = compute
        self._faults = faults
        self._bodyless = bodyless
        self._last = last
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Play the reply, now or after its latency."""
        if not self._faults.stall:
            self._after(self._faults.latency, self._begin)

    def stop(self) -> None:
        """Forget what was still to come."""
        if self._timer is not None:
            self._timer.cancel()

    def _after(self, delay: float, step: Callable[[], None]) -> None:
        if delay > 0.0:
            self._timer = asyncio.get_running_loop().call_later(delay, step)
        else:
            step()

    def _begin(self) -> None:
        faults = self._faults
        if faults.reset:
            self._line.reset()
        elif faults.close:
            self._line.done(close=True)
        elif faults.garbage:
            self._line.write(GARBAGE)
            self._line.done(close=True)
        else:
            head, self._body = self._framed(damaged(self._compute(), faults))
            if faults.early_hints:
                self._line.write(EARLY_HINTS)
            if faults.body_latency:
                self._line.write(head)
                self._after(faults.body_latency, self._finish)
            else:
                self._body = head + self._body
                self._finish()

    def _framed(self, reply: Reply) -> tuple[bytes, bytes]:
        faults = self._faults
        body = b"" if self._bodyless or reply.status in (204, 304) else reply.body
        headers = [("content-type", reply.content_type), *reply.headers]
        if faults.http10:
            headers.append(("connection", "close"))
        elif faults.chunked:
            headers.append(("transfer-encoding", "chunked"))
            body = body if self._bodyless else in_chunks(body)
        elif reply.status not in (204, 304):
            length = len(reply.body) + (OVERSTATEMENT if faults.overstate else 0)
            headers.append(("content-length", str(length)))
        version = b"HTTP/1.0" if faults.http10 else b"HTTP/1.1"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        if faults.truncate or faults.stall_body or faults.reset_body:
            body = body[: len(body) // 2]
        return status_line(reply.status, version) + lines.encode("latin-1") + b"\r\n", body

    def _finish(self) -> None:
        faults = self._faults
        self._line.write(self._body)
        if faults.stall_body:
            return
        if faults.reset_body:
            self._after(BEFORE_RESET, self._line.reset)
        else:
            close = faults.truncate or faults.overstate or faults.http10 or faults.close_after
            self._line.done(close=close or self._last)


def in_chunks(body: bytes) -> bytes:
    """The body in chunked coding, in small pieces of different sizes."""
    pieces = []
    position = number = 0
    while position < len(body):
        piece = body[position : position + CHUNK_SIZES[number % len(CHUNK_SIZES)]]
        pieces.append(b"%x\r\n%b\r\n" % (len(piece), piece))
        position += len(piece)
        number += 1
    return b"".join(pieces) + b"0\r\n\r\n"
