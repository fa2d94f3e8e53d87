"""Payload: a caller's Python value as JSON bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from ._inputs import deeper_than

# orjson refuses lists and dicts that are nested deeper, but overruns its memory for tuples (3.13.0).
MOST_LEVELS_FOR_ORJSON = 200
# Far beyond what servers follow, and far below what would make a cycle of fresh objects costly.
MAX_DEPTH = 10_000
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def serialised(payload: Any, index: int) -> bytes:
    """Serialise payload number `index` as compact UTF-8 JSON.

    Takes None, bool, int of any size, float (NaN and infinities become null), str, mappings with str keys (order kept),
    lists, tuples, sets, frozensets, ranges, deques and other sequences, memoryviews, int and str enums, numpy scalars
    and arrays. Raises ValueError for anything else, for lone surrogates, and for values that hold themselves or are
    nested deeper than MAX_DEPTH.
    """
    try:
        if deeper_than(payload, MOST_LEVELS_FOR_ORJSON):
            raise TypeError
        # Joined to get a copy of the right size: what orjson returns holds on to kilobytes (measured: 4 KB for a body
        # of 60 bytes), and thousands of bodies wait here. The copy is also ten times as fast as touching that memory.
        return b"".join((orjson.dumps(payload, _default, _OPTIONS), b""))
    except TypeError:
        # Too deep or too large for orjson, or wrong: the slow way copes, or can tell what is wrong.
        pass
    try:
        return b"".join(_pieces(payload))
    except (TypeError, ValueError) as reason:
        text = f"{type(reason).__name__}: {reason}" if isinstance(reason, UnicodeError) else reason
        raise ValueError(f"Failed to depythonize payload at index {index}: {text}") from None


def _default(value: Any) -> Any:
    """One level of what orjson does not know, as something that it knows."""
    known = _plain(value)
    if deeper_than(known, MOST_LEVELS_FOR_ORJSON):
        raise TypeError("nested too deeply")
    return known


def _plain(value: Any) -> Any:
    """One level of a value that is no plain container, as one. Raises TypeError for what JSON cannot hold."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        raise TypeError("invalid type: byte array, expected any valid JSON value")
    if isinstance(value, (set, frozenset, deque, range, memoryview)):
        return list(value)
    if isinstance(value, float):
        return float(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"unsupported type {type(value).__name__}")


def _pieces(payload: Any) -> Iterator[bytes]:
    """Serialise without recursion; the stack holds each open container, its closing bracket and what is left of it."""
    stack: list[tuple[Any, bytes, Iterator[tuple[bytes, Any]]]] = []
    open_containers: set[int] = set()
    value = payload
    while True:
        container = _container(value)
        if container is None:
            yield _leaf(value)
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


def _entries(container: Any) -> Iterator[tuple[bytes, Any]]:
    """Each element of a container with what comes before it."""
    comma = b""
    if isinstance(container, Mapping):
        for key, value in container.items():
            if not isinstance(key, str):
                raise TypeError(f"unexpected type: '{type(key).__name__}' object cannot be converted to 'PyString'")
            yield comma + _leaf(key) + b":", value
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


def _leaf(value: Any) -> bytes:
    if isinstance(value, str):
        value = str.__str__(value)
        value.encode()  # names the lone surrogate and its place, which orjson does not
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        return int.__repr__(value).encode()
    try:
        return orjson.dumps(value, _default, _OPTIONS)
    except TypeError as error:
        raise (error.__cause__ or error) from None  # the cause is what _default said
