"""A JSON document, an array, which is read as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from ..failure import USAGE, Failure
from .row import Columns, Row


def document_rows(name: str, file: BinaryIO, columns: Columns) -> Iterator[Row]:
    """What each item of the array makes, a string or an object, numbered from 1."""
    try:
        document = orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise Failure(f"{name}:{error.lineno}: not JSON ({error.msg}, column {error.colno})", USAGE) from None
    if not isinstance(document, list):
        raise Failure(f"{name} is not a JSON array; lines of JSON are read with --from jsonl", USAGE)
    for number, item in enumerate(document, 1):
        record = {columns.sent: item} if isinstance(item, str) and columns.texts else item
        row = columns.row(record, name, number)
        if row is not None:
            yield row
