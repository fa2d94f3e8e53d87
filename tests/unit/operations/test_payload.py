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

from baseten_perf.operations.payload import MAX_DEPTH, serialised

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
def test_serialised(payload: Any, text: str) -> None:
    assert serialised(payload, 0).decode() == text


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"a", "invalid type: byte array, expected any valid JSON value"),
        (bytearray(b"a"), "invalid type: byte array"),
        ({"a": [b"a"]}, "invalid type: byte array"),
        ({1: 2}, "unexpected type: 'int' object cannot be converted to 'PyString'"),
        ({None: 2}, "unexpected type: 'NoneType' object"),
        (decimal.Decimal(1), "unsupported type Decimal"),
        (datetime.datetime(2024, 1, 1), "unsupported type datetime"),
        (Record(), "unsupported type Record"),
        (object(), "unsupported type object"),
        (1j, "unsupported type complex"),
        ((x for x in "a"), "unsupported type generator"),
        ({"a": 1}.values(), "unsupported type dict_values"),
        ({"a": "\ud800"}, "UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800' in position 0"),
        ({"\ud800": 1}, "UnicodeEncodeError: "),
    ],
)
def test_refused(payload: Any, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        serialised(payload, 7)
    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(f"Failed to depythonize payload at index 7: {reason}")


def nested(depth: int, leaf: Any = 1) -> Any:
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"k": leaf}
    return leaf


@pytest.mark.parametrize("depth", [1, 253, 254, 255, 600])
def test_deep_nesting(depth: int) -> None:
    assert json.loads(serialised(nested(depth), 0)) == nested(depth)


def test_nesting_has_an_end() -> None:
    assert len(serialised(nested(MAX_DEPTH), 0)) > MAX_DEPTH
    with pytest.raises(ValueError, match="payload at index 3: the payload is nested deeper than 10000 levels"):
        serialised(nested(MAX_DEPTH + 1), 3)


def test_cycles_are_found_but_repetition_is_fine() -> None:
    cyclic: list[Any] = [1]
    cyclic.append({"again": cyclic})
    with pytest.raises(ValueError, match="payload at index 2: the payload contains itself"):
        serialised(cyclic, 2)
    shared: list[Any] = [2**64]
    assert serialised([shared, shared, {"a": shared}], 0).count(b"18446744073709551616") == 3
