"""A request as it arrived, and reading its head."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

MOST_HEAD_BYTES = 65536


class Malformed(Exception):
    """The bytes received are not a request that this server understands; carries the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Head:
    """Request line and the few headers that decide where the request ends."""

    __slots__ = ("chunked", "expects_continue", "keep_alive", "length", "method", "raw", "target")

    def __init__(self, raw: bytes) -> None:
        line_end = raw.find(b"\r\n")
        line = raw if line_end < 0 else raw[:line_end]
        parts = line.split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/"):
            raise Malformed(400, "not a request line")
        if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise Malformed(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        self.raw = raw
        self.method = parts[0].decode("latin-1")
        self.target = parts[1].decode("latin-1")
        fields = raw[len(line) :].lower() + b"\r\n"
        self.length = 0
        at = fields.find(b"\r\ncontent-length:")
        if at >= 0:
            length = fields[at + 17 : fields.find(b"\r\n", at + 17)].strip()
            if not length.isdigit():
                raise Malformed(400, "Content-Length is not a number")
            self.length = int(length)
        self.chunked = b"\r\ntransfer-encoding: chunked\r\n" in fields
        self.expects_continue = b"\r\nexpect: 100-continue\r\n" in fields
        if parts[2] == b"HTTP/1.1":
            self.keep_alive = b"\r\nconnection: close\r\n" not in fields
        else:
            self.keep_alive = b"\r\nconnection: keep-alive\r\n" in fields


class Request:
    """A whole request. `path` lacks the fault prefixes and the query; `target` is what the request line said."""

    __slots__ = ("body", "head", "ordered", "path", "query")

    def __init__(self, head: Head, body: bytes) -> None:
        self.head = head
        self.body = body
        self.ordered, self.path, self.query = split_target(head.target)

    @property
    def method(self) -> str:
        """The method, as sent."""
        return self.head.method

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values in the order of their arrival, as Latin-1 text, names as sent."""
        lines = self.head.raw.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [(name, value.strip(" \t")) for name, _, value in pairs]


@functools.lru_cache(maxsize=4096)
def split_target(target: str) -> tuple[tuple[str, ...], str, str]:
    """Fault prefixes (still text), path and query of a request target; absolute targets lose their origin."""
    if not target.startswith("/"):
        parts = urlsplit(target)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path, _, query = target.partition("?")
    faults = []
    while path.startswith("/-/"):
        text, slash, rest = path[3:].partition("/")
        faults.append(text)
        path = slash + rest
    return tuple(faults), path or "/", query


def read_chunked(data: bytes, start: int) -> tuple[bytes, int] | None:
    """The body in chunked coding at `start` and where it ends; None when it has not arrived entirely."""
    pieces: list[bytes] = []
    while True:
        line_end = data.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(data[start:line_end].split(b";")[0], 16)
        except ValueError:
            raise Malformed(400, "not the size of a chunk") from None
        start = line_end + 2
        if size == 0:
            end = data.find(b"\r\n", start)
            while end > start:
                start, end = end + 2, data.find(b"\r\n", end + 2)
            return None if end < 0 else (b"".join(pieces), end + 2)
        if len(data) < start + size + 2:
            return None
        pieces.append(data[start : start + size])
        start += size + 2
