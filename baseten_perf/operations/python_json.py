"""JSON as Python's json reads it, for what orjson does not: NaN, large integers, half surrogate pairs, any depth."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .payload import MAX_DEPTH

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Blanks, then a mark or a scalar. The string is written so that no text makes the search take more than linear time.
_TOKEN = (
    r'[ \t\n\r]*(?:([\[\]{},:])|("[^"\\]*(?:\\.[^"\\]*)*"|[^ \t\n\r\[\]{},:"]+))'
)
_FIRST_VALUE, _VALUE, _FIRST_KEY, _KEY, _COLON, _AFTER = range(6)  # what comes next; _AFTER: a comma, or an end


def loads(body: Buffer) -> Any:
    """The value of a JSON document in UTF-8, with or without a byte order mark, of up to MAX_DEPTH levels.

    Raises ValueError; MemoryError.
    """
    # From where it lies, without a copy; and without the codec "utf-8-sig", which is a module to be loaded.
    text = str(body, "utf-8", "surrogatepass").removeprefix("\ufeff")
    try:
        return json.loads(text)
    except RecursionError:
        pass
    return _deep(text)


def _deep(text: str) -> Any:
    """The same without recursion, and much more slowly."""
    text = text.rstrip(" \t\n\r")
    tokens = re.compile(_TOKEN, re.DOTALL)
    # The open containers; the first is ours, and receives the document as its only element.
    holders: list[Any] = [[]]
    key = ""
    expected = _VALUE
    position = 0
    while position < len(text):
        token = tokens.match(text, position)
        if token is None:
            raise _unexpected(position)
        mark, scalar = token.groups()
        holder = holders[-1]
        is_object = type(holder) is dict
        if expected == _AFTER and mark == "," and len(holders) > 1:
            expected = _KEY if is_object else _VALUE
        elif expected in (_AFTER, _FIRST_VALUE, _FIRST_KEY) and mark == ("}" if is_object else "]") and holders[1:]:
            holders.pop()
            expected = _AFTER
        elif expected in (_KEY, _FIRST_KEY) and scalar is not None and scalar[:1] == '"':
            key = json.loads(scalar)
            expected = _COLON
        elif expected == _COLON and mark == ":":
            expected = _VALUE
        elif expected in (_VALUE, _FIRST_VALUE) and (scalar is not None or mark in ("[", "{")):
            value = json.loads(scalar) if mark is None else [] if mark == "[" else {}
            if is_object:
                holder[key] = value
            else:
                holder.append(value)
            expected = _AFTER
            if mark is not None:
                if len(holders) > MAX_DEPTH:
                    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
                holders.append(value)
                expected = _FIRST_VALUE if mark == "[" else _FIRST_KEY
        else:
            raise _unexpected(token.start(token.lastindex or 0))
        position = token.end()
    if expected != _AFTER or len(holders) != 1:
        raise ValueError("unexpected end of data")
    return holders[0][0]


def _unexpected(position: int) -> ValueError:
    return ValueError(f"unexpected character: char {position}")
