"""What the engine reads from a Content-Type line."""

from __future__ import annotations

import pytest

from baseten_perf.engine._engine import ReaderDriver


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Content-Type: application/msgpack\r\n", True),
        (b"content-type:application/x-msgpack", True),
        (b"CONTENT-TYPE: \t APPLICATION/MessagePack ; charset=utf-8\r\n", True),
        (b"Content-Type: application/vnd.msgpack;x\n", True),
        (b"Content-Type: application/msgpack \r\n", True),
        (b"Content-Type: application/json\r\n", False),
        (b"Content-Type: application/msgpackx\r\n", False),
        (b"Content-Type: application/x-msgpack,application/json\r\n", False),
        (b"Content-Type: text/msgpack\r\n", False),
        (b"Content-Type: application/vnd.msgpack+json\r\n", False),
        (b"Content-Type:\r\n", False),
        (b"Content-Type:", False),
        (b"Content-Typ", None),
        (b"X-Content-Type: application/msgpack\r\n", None),
        (b"Content-Length: 5\r\n", None),
        (b"\r\n", None),
        (b"", None),
    ],
)
def test_content_types(line: bytes, said: bool | None) -> None:
    assert ReaderDriver.says_msgpack(line) is said
