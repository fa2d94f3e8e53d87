"""A reply before it is put on the wire."""

from __future__ import annotations

import dataclasses
import functools
from http import HTTPStatus
from typing import Any

import orjson

JSON = "application/json"


@functools.lru_cache(maxsize=1024)
def status_line(status: int, version: bytes = b"HTTP/1.1") -> bytes:
    """`HTTP/1.1 200 OK\\r\\n`, with the standard phrase."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return b"%s %d %s\r\n" % (version, status, phrase.encode())


@functools.lru_cache(maxsize=256)
def opening(status: int, content_type: str) -> bytes:
    """Everything of a head without headers of its own up to the number of the Content-Length."""
    return status_line(status) + b"content-type: " + content_type.encode("latin-1") + b"\r\ncontent-length: "


@dataclasses.dataclass
class Reply:
    """Status, body and headers (besides content type and length) of a response.

    `answer` is the object that `body` was made from, kept only where faults may rework it.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    answer: Any = None

    def encode(self, *, bodyless: bool) -> bytes:
        """The bytes of the whole response; `bodyless` (for HEAD) leaves out the body alone."""
        if self.headers or self.status in (204, 304):
            lines = [status_line(self.status), f"content-type: {self.content_type}\r\n".encode("latin-1")]
            lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in self.headers]
            if self.status not in (204, 304):
                lines.append(b"content-length: %d\r\n" % len(self.body))
            head = b"".join(lines) + b"\r\n"
        else:
            head = b"%s%d\r\n\r\n" % (opening(self.status, self.content_type), len(self.body))
        return head if bodyless or self.status in (204, 304) else head + self.body


def json_reply(answer: Any, status: int = 200) -> Reply:
    """A reply whose body is `answer` as JSON; numpy arrays become arrays of numbers."""
    return Reply(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), status, answer=answer)


def error_reply(status: int, message: str, kind: str = "invalid_request_error") -> Reply:
    """An error in the form of the OpenAI API."""
    return json_reply({"error": {"message": message, "type": kind, "code": status}}, status)
