"""Reading the texts to embed: one per line, or a field of each JSON line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from .failure import USAGE, Failure

STANDARD_INPUT = "-"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_texts(path: str, field: str | None) -> list[str]:
    """The texts of a file, or of standard input for "-".

    With a `field`, each line is a JSON object and blank lines are skipped. Without, each line is a text, blank or not,
    so that row i of the result belongs to line i. Failure when a line cannot be read, or when there is none.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        with opened(path) as lines:
            texts = list(json_fields(name, lines, field) if field is not None else plain_lines(name, lines))
    except OSError as error:
        raise Failure(f"cannot read {name}: {error.strerror}", USAGE) from None
    if not texts:
        raise Failure(f"{name} is empty: there is nothing to embed", USAGE)
    return texts


def opened(path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """The file, or standard input, which stays open."""
    return contextlib.nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else open(path, "rb")


def plain_lines(name: str, lines: BinaryIO) -> Iterator[str]:
    """Each line without its end."""
    for number, line in numbered(lines):
        try:
            yield line.rstrip(b"\r\n").decode()
        except UnicodeDecodeError as error:
            raise Failure(f"{name}:{number}: not UTF-8 ({error.reason})", USAGE) from None


def json_fields(name: str, lines: BinaryIO, field: str) -> Iterator[str]:
    """The string in `field` of each line's object."""
    for number, line in numbered(lines):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Failure(f"{name}:{number}: not JSON ({error.msg}, column {error.colno})", USAGE) from None
        if not isinstance(value, dict):
            raise Failure(f"{name}:{number}: not a JSON object", USAGE)
        if field not in value:
            raise Failure(f"{name}:{number}: no field {field!r}; choose another one with --field", USAGE)
        if not isinstance(value[field], str):
            raise Failure(f"{name}:{number}: field {field!r} is not a string", USAGE)
        yield value[field]


def numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines and their numbers from 1, without a byte order mark."""
    for number, line in enumerate(lines, 1):
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
