"""Payload: a caller's Python value as JSON bytes."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from ._inputs import DEEP, nature_of
from ._json import small_json
from .quick_json import orjson

# orjson refuses lists and dicts that are nested deeper, but overruns its memory for tuples (3.13.0).
MOST_LEVELS_FOR_ORJSON = 200
# Far beyond what servers follow, and far below what would make a cycle of fresh objects costly.
MAX_DEPTH = 10_000


@cache
def _options() -> int:
    return orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


class Encoder:
    """Serialises values as compact UTF-8 JSON, keeping the order of keys.

    Takes None, bool, int of any size, float, str, mappings with str keys, lists, tuples, sets, frozensets, ranges,
    deques and other sequences, memoryviews, int and str enums, numpy scalars and arrays.

    Parameters:
        allow_nan: what becomes of NaN and the infinities, which JSON lacks: None makes them null, True sends them as
            Python's json writes them (NaN, Infinity, -Infinity), False refuses them.

    Attributes:
        nulled: whether any has been made null.
    """

    __slots__ = ("_allow_nan", "nulled")

    def __init__(self, allow_nan: bool | None = None) -> None:
        self._allow_nan = allow_nan
        self.nulled = False

    def encode(self, value: Any) -> bytes:
        """The JSON of a value.

        Raises ValueError for anything else, for lone surrogates, and for values that hold themselves or are nested
        deeper than MAX_DEPTH; TypeError for what is no JSON value.
        """
        written = small_json(value, MOST_LEVELS_FOR_ORJSON)
        if written is not None:
            return written
        nature = nature_of(value, MOST_LEVELS_FOR_ORJSON)
        if nature != DEEP:
            try:
                # Joined to get a copy of the right size: what orjson returns holds on to kilobytes (measured: 4 KB for
                # a body of 60 bytes), and thousands of bodies wait here. The copy is also ten times as fast as touching
                # that memory.
                body = b"".join((orjson.dumps(value, _default, _options()), b""))
            except TypeError:
                pass  # too large for orjson, or wrong: the slow way copes, or can tell what is wrong
            else:
                # Of what is not finite, orjson makes null.
                if nature and b"null" in body and not all(map(_is_finite, _leaves(value))):
                    if self._allow_nan is not None:
                        return b"".join(self._pieces(value))
                    self.nulled = True
                return body
        return b"".join(self._pieces(value))

    def _pieces(self, payload: Any) -> Iterator[bytes]:
        """Serialise without recursion; the stack holds each open container, its closing bracket, what is left of it."""
        stack: list[tuple[Any, bytes, Iterator[tuple[bytes, Any]]]] = []
        open_containers: set[int] = set()
        value = payload
        while True:
            container = _container(value)
            if container is None:
                yield self._leaf(value)
            else:
                if id(value) in open_containers:
                    raise ValueError("the payload contains itself")
                if len(stack) == MAX_DEPTH:
                    raise ValueError(f"the payload is nested deeper than {MAX_DEPTH} levels")
                is_object = isinstance(container, Mapping)
                yield b"{" if is_object else b"["
                # The stack keeps the value alive, so that no other object can get its id meanwhile.
                stack.append((value, b"}" if is_object else b"]", _entries(container)))
                open_containers.add(id(value))
            while stack:
                opened, closing, rest = stack[-1]
                entry = next(rest, None)
                if entry is not None:
                    before, value = entry
                    yield before
                    break
                yield closing
                open_containers.discard(id(opened))
                stack.pop()
            if not stack:
                return

    def _leaf(self, value: Any) -> bytes:
        if _is_finite(value):
            return _scalar(value)
        if self._allow_nan is False:
            raise ValueError("it holds NaN or an infinity, and allow_nan is False")
        if self._allow_nan:
            return json.dumps(float(value)).encode()
        self.nulled = True
        return b"null"


def _default(value: Any) -> Any:
    """One level of what orjson does not know, as something that it knows."""
    known = _plain(value)
    if nature_of(known, MOST_LEVELS_FOR_ORJSON) == DEEP:
        raise TypeError("nested too deeply")
    return known


def _plain(value: Any) -> Any:
    """One level of a value that is no plain container, as one. Raises TypeError for what JSON cannot hold."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        raise TypeError(f"{type(value).__name__} is no JSON value")
    if isinstance(value, (set, frozenset, deque, range, memoryview)):
        return list(value)
    if isinstance(value, float):
        return float(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _entries(container: Any) -> Iterator[tuple[bytes, Any]]:
    """Each element of a container with what comes before it."""
    comma = b""
    if isinstance(container, Mapping):
        for key, value in container.items():
            if not isinstance(key, str):
                raise TypeError(f"keys must be str, not {type(key).__name__}")
            yield comma + _scalar(key) + b":", value
            comma = b","
    else:
        for value in container:
            yield comma, value
            comma = b","


def _container(value: Any) -> Any:
    """The mapping or list to walk through for a value, None when it is a leaf."""
    if isinstance(value, (str, int, float, bytes, bytearray)) or value is None:
        return None
    if isinstance(value, (Mapping, list, tuple)):
        return value
    try:
        known = _plain(value)
    except TypeError:
        return None
    return known if isinstance(known, (dict, list)) else None


def _leaves(payload: Any) -> Iterator[Any]:
    """All that is in a value and no container, in no order."""
    values = [payload]
    while values:
        value = values.pop()
        container = _container(value)
        if container is None:
            yield value
        else:
            values.extend(container.values() if isinstance(container, Mapping) else container)


def _is_finite(leaf: Any) -> bool:
    if isinstance(leaf, float) or type(leaf).__module__ == "numpy":
        try:
            return math.isfinite(leaf)
        except TypeError:
            return True  # of numpy, but no number
    return True


def _scalar(value: Any) -> bytes:
    if isinstance(value, str):
        value = str.__str__(value)
        value.encode()  # names the lone surrogate and its place, which orjson does not
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        return int.__repr__(value).encode()
    try:
        return orjson.dumps(value, _default, _options())
    except TypeError as error:
        raise (error.__cause__ or error) from None  # the cause is what _default said
