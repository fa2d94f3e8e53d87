"""The JSON of small plain values, which is written without orjson."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseten_perf.operations._json import small_json

MOST = 1024
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=40)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_what_orjson_writes(value: Any) -> None:
    written = small_json(value, 10)
    try:
        expected = orjson.dumps(value)
    except TypeError:  # a surrogate
        expected = None
    if written is None and expected is not None:
        # Too long, too many floats, or one with an exponent.
        assert len(expected) > MOST or expected.count(b".") > 8 or re.search(r"\de[-+]\d", json.dumps(value))
    else:
        assert written == expected


class Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [
        "\ud800", 1e-7, 1e16, 2**63, -(2**63) - 1, math.nan, math.inf, {1: 2}, {Text("a"): 1}, Text("a"), object(), b"",
        {1}, 1j, [[[[]]]], [1.5] * 9, [0] * 65, dict.fromkeys(map(str, range(65))), {"\udfff": 1},
    ],
)  # fmt: skip
def test_all_else_is_left_to_orjson(value: Any) -> None:
    assert small_json(value, 3) is None
    assert small_json([1, value], 4) is None
    assert small_json({"a": value}, 4) is None


def test_a_value_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    assert small_json(value, 1000) is None


@pytest.mark.parametrize(
    "last",
    ["", "x", "x" * 9, '"', "\\", "\x01", "\n", "é", "€", "😀", 0, -12, 1.5, True, False, None, [], {}, [1], {"a": 1}],
)
def test_up_to_a_size(last: Any) -> None:
    """To the byte, whatever token is the last that fits."""
    for size in range(MOST - 24, MOST):
        value = ["x" * size, last]
        expected = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        written = small_json(value, 3)
        assert written == (expected if len(expected) <= MOST else None), size


def test_special_characters_anywhere() -> None:
    for special in map(chr, (*range(0x20), ord('"'), ord("\\"), 0x7F, 0x80, 0xFF, 0x2028)):
        for place in range(18):
            text = "a" * place + special + "z" * (17 - place)
            assert json.loads(small_json(text, 1) or b"") == text
