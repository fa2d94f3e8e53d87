"""JSON of batch_post payloads."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
from array import array
from collections import ChainMap, OrderedDict, UserDict, UserList, deque, namedtuple
from typing import Any

import numpy
import pytest

from baseten_perf.operations._inputs import DEEP, IRREGULAR, PLAIN, nature_of
from baseten_perf.operations.payload import MAX_DEPTH, Encoder

Point = namedtuple("Point", "x y")


class Number(enum.IntEnum):
    FIVE = 5


class Word(str, enum.Enum):
    A = "x"


class Text(str):
    pass


class Real(float):
    pass


@dataclasses.dataclass
class Record:
    a: int = 1


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (1.0, "1.0"),
        (math.nan, "null"),
        ([math.inf, -math.inf], "[null,null]"),
        ({"z": 1, "a": {"y": 2, "b": 3}}, '{"z":1,"a":{"y":2,"b":3}}'),
        ("é\x01\x7f\n\u2028", '"é\\u0001\x7f\\n\u2028"'),
        (OrderedDict(z=1, a=2), '{"z":1,"a":2}'),
        (UserDict(z=1), '{"z":1}'),
        (ChainMap({"a": 1}), '{"a":1}'),
        (UserList([1]), "[1]"),
        ((1, (2,)), "[1,[2]]"),
        ({1}, "[1]"),
        (frozenset({1}), "[1]"),
        (range(3), "[0,1,2]"),
        (deque([1]), "[1]"),
        (Point(1, 2), "[1,2]"),
        (memoryview(b"ab"), "[97,98]"),
        (array("d", [1.0]), "[1.0]"),
        ([Number.FIVE, Word.A, Text("t"), Real(2.5)], '[5,"x","t",2.5]'),
        ({Text("k"): 1, Word.A: 2}, '{"k":1,"x":2}'),
        (2**64 - 1, str(2**64 - 1)),
        (-(2**63), str(-(2**63))),
        ({"a": [2**64, 10**30], "b": {"c": math.nan}}, f'{{"a":[{2**64},{10**30}],"b":{{"c":null}}}}'),
        ([-(2**63) - 1], f"[{-(2**63) - 1}]"),
        (numpy.float64(2), "2.0"),
        (numpy.float32(1), "1.0"),
        (numpy.int8(3), "3"),
        (numpy.bool_(True), "true"),
        (numpy.str_("s"), '"s"'),
        (numpy.array([[1, 2], [3, 4]]).T, "[[1,3],[2,4]]"),
        (numpy.array(3), "3"),
        (numpy.array(["a"]), '["a"]'),
        (numpy.array([1], dtype=">i4"), "[1]"),
        ([numpy.array([1.5], dtype=numpy.float32), 2**70], f"[[1.5],{2**70}]"),
        ({}, "{}"),
        ([[], {}, 2**64], f"[[],{{}},{2**64}]"),
    ],
)  # fmt: skip
def test_encoded(payload: Any, text: str) -> None:
    assert Encoder().encode(payload).decode() == text


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"a", "bytes is no JSON value"),
        (bytearray(b"a"), "bytearray is no JSON value"),
        ({"a": [b"a"]}, "bytes is no JSON value"),
        ({1: 2}, "keys must be str, not int"),
        ({None: 2}, "keys must be str, not NoneType"),
        (decimal.Decimal(1), "Decimal is no JSON value"),
        (datetime.datetime(2024, 1, 1), "datetime is no JSON value"),
        (Record(), "Record is no JSON value"),
        (object(), "object is no JSON value"),
        (1j, "complex is no JSON value"),
        ((x for x in "a"), "generator is no JSON value"),
        ({"a": 1}.values(), "dict_values is no JSON value"),
        ({"a": "\ud800"}, "'utf-8' codec can't encode character '\\ud800' in position 0"),
        ({"\ud800": 1}, "'utf-8' codec"),
    ],
)
def test_refused(payload: Any, reason: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        Encoder().encode(payload)
    assert str(caught.value).startswith(reason)


def nested(depth: int, leaf: Any = 1) -> Any:
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"k": leaf}
    return leaf


@pytest.mark.parametrize("depth", [1, 253, 254, 255, 600])
def test_deep_nesting(depth: int) -> None:
    assert json.loads(Encoder().encode(nested(depth))) == nested(depth)


def test_nesting_has_an_end() -> None:
    assert len(Encoder().encode(nested(MAX_DEPTH))) > MAX_DEPTH
    with pytest.raises(ValueError, match="the payload is nested deeper than 10000 levels"):
        Encoder().encode(nested(MAX_DEPTH + 1))


def test_cycles_are_found_but_repetition_is_fine() -> None:
    cyclic: list[Any] = [1]
    cyclic.append({"again": cyclic})
    with pytest.raises(ValueError, match="the payload contains itself"):
        Encoder().encode(cyclic)
    shared: list[Any] = [2**64]
    assert Encoder().encode([shared, shared, {"a": shared}]).count(b"18446744073709551616") == 3


NOT_FINITE: list[tuple[Any, str]] = [
    (math.nan, "NaN"),
    ([1, math.inf, None, -math.inf, "null"], '[1,Infinity,null,-Infinity,"null"]'),
    ({"a": {"b": (1.5, math.nan)}}, '{"a":{"b":[1.5,NaN]}}'),
    (numpy.float32("nan"), "NaN"),
    (numpy.array([[1.5, math.nan]]), "[[1.5,NaN]]"),
    ({"a": numpy.array([math.inf])}, '{"a":[Infinity]}'),
    (UserDict(a=deque([math.nan])), '{"a":[NaN]}'),
    ([Real("nan"), Real(2.5)], "[NaN,2.5]"),
    ([2**64, math.nan], f"[{2**64},NaN]"),
]


@pytest.mark.parametrize(("payload", "text"), NOT_FINITE)
def test_what_is_not_finite(payload: Any, text: str) -> None:
    as_null = Encoder(allow_nan=None)
    assert as_null.encode([1.5, None]) == b"[1.5,null]" and not as_null.nulled
    nulls = text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null")
    assert as_null.encode(payload).decode() == nulls and as_null.nulled
    assert Encoder(allow_nan=True).encode(payload).decode() == text
    with pytest.raises(ValueError, match="it holds NaN or an infinity, and allow_nan is False"):
        Encoder(allow_nan=False).encode(payload)


@pytest.mark.parametrize("allow_nan", [None, True, False])
@pytest.mark.parametrize(
    "payload",
    [None, [None, "null"], {"a": None, "b": numpy.array([1.5])}, [UserDict(a=None)], numpy.array(["null"]), 10**400],
    ids=str,
)
def test_null_is_not_nan(payload: Any, allow_nan: bool | None) -> None:
    encoder = Encoder(allow_nan)
    assert json.loads(encoder.encode(payload)) is not ... and not encoder.nulled


@pytest.mark.parametrize(
    ("value", "nature"),
    [
        (1, PLAIN), ("a", PLAIN), (None, PLAIN), (True, PLAIN), (1.5, PLAIN), ({"a": [1, (2.5, "b")]}, PLAIN),
        (math.nan, IRREGULAR), ([[-math.inf]], IRREGULAR), (Text("a"), IRREGULAR), ({"a": numpy.float64(1)}, IRREGULAR),
        (nested(20), PLAIN), (nested(21), DEEP), ([math.nan, nested(20)], DEEP), ([nested(20), math.nan], DEEP),
    ],
)  # fmt: skip
def test_natures(value: Any, nature: int) -> None:
    assert nature_of(value, 20) == nature
