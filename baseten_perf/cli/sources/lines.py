"""Text, one row a line, and JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from ..failure import USAGE, Failure
from .row import Columns, Row

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def text_rows(name: str, lines: BinaryIO, columns: Columns) -> Iterator[Row]:
    """Each line without its end."""
    for number, line in decoded(name, lines):
        text = line.rstrip("\r\n")
        if (not text or text.isspace()) and columns.leaves_out(text, f"{name}:{number}: the line"):
            continue
        yield Row(text, name, number, ())


def json_rows(name: str, lines: BinaryIO, columns: Columns) -> Iterator[Row]:
    """What each line's JSON value makes. Blank lines are no rows."""
    for number, line in numbered(lines):
        if line.isspace():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Failure(f"{name}:{number}: not JSON ({error.msg}, column {error.colno})", USAGE) from None
        row = columns.row(record, name, number)
        if row is not None:
            yield row


def decoded(name: str, lines: BinaryIO) -> Iterator[tuple[int, str]]:
    """Lines with their ends, and their numbers."""
    for number, line in numbered(lines):
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            raise Failure(f"{name}:{number}: not UTF-8 ({error.reason})", USAGE) from None


def numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines and their numbers from 1, without a byte order mark."""
    for number, line in enumerate(lines, 1):
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
