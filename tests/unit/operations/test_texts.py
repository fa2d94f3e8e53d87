"""What a caller gives as texts, and as token ids."""

from __future__ import annotations

from collections import UserList, deque
from typing import Any

import numpy
import pytest

from baseten_perf.operations._inputs import are_plain
from baseten_perf.operations.texts import checked_texts
from baseten_perf.operations.tokens import texts_or_tokens


class Text(str):
    def __str__(self) -> str:
        return "not this"


@pytest.mark.parametrize(
    "value",
    [
        ["a", "é"],
        ("a", "é"),
        deque(["a", "é"]),
        UserList(["a", "é"]),
        numpy.array(["a", "é"]),
        numpy.array(["a", "é"], dtype=object),
        [Text("a"), numpy.str_("é")],
    ],
)
def test_accepted_sequences(value: Any) -> None:
    texts = checked_texts("input", value)
    assert texts == ["a", "é"] and all(type(text) is str for text in texts)


def test_the_list_is_a_copy() -> None:
    given = ["a"]
    texts = checked_texts("input", given)
    given.append("b")
    assert texts == ["a"]


@pytest.mark.parametrize(
    "value",
    [b"ab", bytearray(b"ab"), memoryview(b"ab"), {"a"}, {"a": 1}, {"a": 1}.keys(), None, 5, iter("ab"), range, list,
     numpy.array([["a"]]), numpy.array("a")],
)  # fmt: skip
def test_refused_containers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^texts must be a str or a sequence of str, not \w+$"):
        checked_texts("texts", value)


@pytest.mark.parametrize("value", [["a", "b", 5], ["a", "b", b"c"], ["a", "b", None], numpy.array([1, 2, 3])])
def test_refused_elements_are_named_by_index(value: Any) -> None:
    index = 0 if isinstance(value, numpy.ndarray) else 2
    with pytest.raises(TypeError, match=rf"^input\[{index}\] "):
        checked_texts("input", value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a", None], "input[1] is None; texts must be str"),
        (["a", "b", float("nan")], "input[2] is nan; texts must be str"),
        (numpy.array([numpy.nan, "b"], dtype=object), "input[0] is nan; texts must be str"),
        (["a", 5], "input[1] must be a str, not int"),
        (["a", b"b"], "input[1] must be a str, not bytes"),
        (["a", ["b"]], "input[1] must be a str, not list"),
        (["a", 1.5], "input[1] must be a str, not float"),
    ],
)
def test_messages(value: Any, message: str) -> None:
    for check in (checked_texts, texts_or_tokens):
        with pytest.raises(TypeError) as caught:
            check("input", value)
        assert str(caught.value) == message


def test_a_str_is_one_text() -> None:
    assert checked_texts("input", "ab") == texts_or_tokens("input", "ab") == ["ab"]
    assert checked_texts("input", numpy.str_("ab")) == ["ab"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2, 3], [[1, 2, 3]]),
        ((1, 2), [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        (((1,), [2**64 - 1], range(2)), [[1], [2**64 - 1], [0, 1]]),
        (numpy.array([1, 2]), [[1, 2]]),
        (numpy.array([[1, 2], [3, 4]], dtype=numpy.uint16), [[1, 2], [3, 4]]),
        ([numpy.array([1, 2]), numpy.array([3])], [[1, 2], [3]]),
        ([numpy.int64(1), 2], [[1, 2]]),
        ([[numpy.uint8(1)], [2]], [[1], [2]]),
        (["a", "b"], ["a", "b"]),
        ([], []),
    ],
)
def test_tokens(value: Any, expected: Any) -> None:
    tokens = texts_or_tokens("input", value)
    assert tokens == expected
    assert all(type(token) is int for each in tokens for token in each if not isinstance(each, str))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([1, "a"], TypeError, "input[1] must be an int, not str"),
        ([1, 2.0], TypeError, "input[1] must be an int, not float"),
        ([1, True], TypeError, "input[1] must be an int, not bool"),
        ([True], TypeError, "input[0] must be a str, not bool"),
        ([1, -2], OverflowError, "input[1] must not be negative"),
        ([[1], [2, 2**64]], OverflowError, "input[1][1] must be less than 2**64"),
        ([[1], []], ValueError, "input[1] has no tokens"),
        ([[1], "a"], TypeError, "input[1] must be a sequence of token ids like the first input, not str"),
        ([[1], [[2]]], TypeError, "input[1][0] must be an int, not list"),
        ([["a"]], TypeError, "input[0][0] must be an int, not str"),
        (["a", [1]], TypeError, "input[1] must be a str, not list"),
        (numpy.array([1.5]), TypeError, "input[0] must be a str, not float"),
        (numpy.array([[1.5]]), TypeError, "input[0][0] must be an int, not float"),
        (numpy.zeros((1, 1, 1), int), TypeError, "input must be a str, a sequence of str, or token ids, not ndarray"),
        ({"a": 1}, TypeError, "input must be a str, a sequence of str, or token ids, not dict"),
    ],
)  # fmt: skip
def test_refused_tokens(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        texts_or_tokens("input", value)
    assert str(caught.value) == message


def test_lone_surrogates_are_found_and_placed() -> None:
    with pytest.raises(UnicodeEncodeError, match=r"surrogates not allowed \(in input\[2\]\)") as caught:
        checked_texts("input", ["a", "é", "x\ud800"])
    assert (caught.value.start, caught.value.object) == (1, "x\ud800")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], True),
        (["", "a\x7f"], True),
        (["a", "\x80", "b", "\u20ac", "\U0001f600", "\ud7ff\ue000"], True),
        (["\ud800"], False),
        (["\U0001f600\udfff"], False),
        (["\u20ac", 1], False),
        (["a", Text("b")], False),
        ([None], False),
    ],
)
def test_plain_texts_are_known(texts: list[Any], expected: bool) -> None:
    assert are_plain(texts) is expected
