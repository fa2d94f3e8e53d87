"""Conversions of call arguments to plain Python values; TypeErrors, OverflowErrors and ValueErrors name the argument.

The classes are those that the reference client raises.
"""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

Kind = TypeVar("Kind")

_ABSOLUTE_URL = r"\s*[A-Za-z][A-Za-z0-9+.\-]*://"


def unsigned(name: str, value: Any, bits: int = 64) -> int:
    """Convert an int, bool or anything with `__index__` (numpy integers) to an int of at most `bits` bits.

    Raises TypeError for floats and strings, OverflowError for negative or too large numbers.
    """
    number = _integer(name, value)
    if number < 0:
        raise OverflowError(f"{name} must not be negative")
    if number >> bits:
        raise OverflowError(f"{name} must be less than 2**{bits}")
    return number


def positive(name: str, value: Any) -> int:
    """Convert an int or anything with `__index__` (numpy integers) to an int of at least 1.

    Raises TypeError for floats and strings, ValueError for less.
    """
    number = _integer(name, value)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number}")
    return number


def _integer(name: str, value: Any) -> int:
    if type(value) is int:
        return value
    try:
        return int(operator.index(value))
    except TypeError:
        raise wrong_type(name, "an int", value) from None


def real(name: str, value: Any) -> float:
    """Convert a float, int or anything with `__float__` or `__index__` to a float. Raises TypeError for strings."""
    if type(value) is float:
        return value
    try:
        # Unlike float(), the functions of math refuse strings and buffers.
        return math.ldexp(value, 0)
    except TypeError:
        raise wrong_type(name, "a number", value) from None
    except OverflowError:
        raise OverflowError(f"{name} is too large for a float") from None


def boolean(name: str, value: Any) -> bool:
    """Accept bool and numpy's bool, nothing else: a 0 or "false" here is rather a slipped positional argument."""
    if value is True or value is False:
        return bool(value)
    kind = type(value)
    if kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"):
        return bool(value)
    raise wrong_type(name, "a bool", value)


def string(name: str, value: Any) -> str:
    """Accept str and its subclasses and return a plain str, unchecked for surrogates (it may be a secret)."""
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    raise wrong_type(name, "a str", value)


def utf8_string(name: str, value: Any) -> str:
    """As `string`, and raise UnicodeEncodeError when the text holds a lone surrogate. Not for secrets."""
    text = value if type(value) is str else string(name, value)
    if not text.isascii():
        text.encode()
    return text


def url_path_of(name: str, value: Any) -> str:
    """Accept what is to be appended to a base URL. Raises ValueError for an absolute URL, without repeating it."""
    path = value if type(value) is str and value.isascii() else utf8_string(name, value)
    if "://" in path and re.match(_ABSOLUTE_URL, path):
        raise ValueError(f"{name} must be a path, not an absolute URL: requests go to the client's base URL")
    return path


def string_mapping(name: str, value: Any) -> dict[str, str]:
    """Accept a mapping of str to str and return a copy of it. Error messages hold neither names nor values."""
    if not isinstance(value, Mapping):
        raise wrong_type(name, "a mapping of str to str", value)
    for each in (*value, *value.values()):
        if not isinstance(each, str):
            raise TypeError(f"{name} must be a mapping of str to str; it holds an instance of {type(each).__name__}")
    return {str.__str__(key): str.__str__(text) for key, text in value.items()}


def status_codes(name: str, value: Any) -> frozenset[int]:
    """Accept any collection of HTTP status codes (16 bits each): set, list, tuple, range, array."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(value, Collection):
        raise wrong_type(name, "a collection of status codes", value)
    return frozenset(unsigned(name, code, 16) for code in value)


def instance(name: str, value: Any, kind: type[Kind]) -> Kind:
    """Accept an instance of `kind`, nothing else."""
    if isinstance(value, kind):
        return value
    raise wrong_type(name, f"an instance of {kind.__name__}", value)


def path(name: str, value: Any) -> str:
    """Accept str and os.PathLike and return the path as str. Raises ValueError for an empty one."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise wrong_type(name, "a str or an os.PathLike", value)
    if not found or "\0" in found:
        raise ValueError(f"{name} must be a path that is not empty and holds no NUL")
    return str.__str__(found)


def wrong_type(name: str, expected: str, value: Any) -> TypeError:
    """The error for a value of another type than `expected`, which has its article: "an int"."""
    return TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def by_name(
    function: str, names: Sequence[str], positions: Sequence[Any], keywords: Mapping[str, Any], before: int = 0
) -> dict[str, Any]:
    """The keywords of a call together with what it gives by position.

    Parameters:
        function: its name, for errors.
        names: of its positional parameters; of others `before` these, for errors, so many are given.

    Raises TypeError when too many are given, or one twice.
    """
    if len(positions) > len(names):
        most, given = before + len(names), before + len(positions)
        raise TypeError(f"{function}() takes at most {most} positional arguments ({given} given)")
    placed = dict(zip(names, positions, strict=False))
    for name in keywords:
        if name in placed:
            raise TypeError(f"{function}() got multiple values for argument {name!r}")
    return {**placed, **keywords}


def unexpected_keyword(function: str, name: str, known: Iterable[str]) -> TypeError:
    """The error for a keyword that is none of the function's, with the most similar one that is."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1)
    hint = f". Did you mean {close[0]!r}?" if close else ""
    return TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")
