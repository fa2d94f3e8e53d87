"""JSON that is nested deeper than orjson follows: decoded without recursion, and much more slowly."""

from __future__ import annotations

import re
from typing import Any

import orjson

from .payload import MAX_DEPTH

# Blanks, then a mark or a scalar. The string is written so that no text makes the search take more than linear time.
_TOKEN = re.compile(rb'[ \t\n\r]*(?:([\[\]{},:])|("[^"\\]*(?:\\.[^"\\]*)*"|[^ \t\n\r\[\]{},:"]+))', re.DOTALL)
_FIRST_VALUE, _VALUE, _FIRST_KEY, _KEY, _COLON, _AFTER = range(6)  # what comes next; _AFTER: a comma, or an end


def loads(text: bytes) -> Any:
    """The value of a JSON document of up to MAX_DEPTH levels. Raises ValueError."""
    text = text.rstrip(b" \t\n\r")
    # The open containers; the first is ours, and receives the document as its only element.
    holders: list[Any] = [[]]
    key = ""
    expected = _VALUE
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise _unexpected(position)
        mark, scalar = token.groups()
        holder = holders[-1]
        is_object = type(holder) is dict
        if expected == _AFTER and mark == b"," and len(holders) > 1:
            expected = _KEY if is_object else _VALUE
        elif expected in (_AFTER, _FIRST_VALUE, _FIRST_KEY) and mark == (b"}" if is_object else b"]") and holders[1:]:
            holders.pop()
            expected = _AFTER
        elif expected in (_KEY, _FIRST_KEY) and scalar is not None and scalar[:1] == b'"':
            key = orjson.loads(scalar)
            expected = _COLON
        elif expected == _COLON and mark == b":":
            expected = _VALUE
        elif expected in (_VALUE, _FIRST_VALUE) and (scalar is not None or mark in (b"[", b"{")):
            value = orjson.loads(scalar) if mark is None else [] if mark == b"[" else {}
            if is_object:
                holder[key] = value
            else:
                holder.append(value)
            expected = _AFTER
            if mark is not None:
                if len(holders) > MAX_DEPTH:
                    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
                holders.append(value)
                expected = _FIRST_VALUE if mark == b"[" else _FIRST_KEY
        else:
            raise _unexpected(token.start(token.lastindex or 0))
        position = token.end()
    if expected != _AFTER or len(holders) != 1:
        raise ValueError("unexpected end of data")
    return holders[0][0]


def _unexpected(position: int) -> ValueError:
    return ValueError(f"unexpected character: byte {position}")
