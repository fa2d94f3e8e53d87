"""Text lists and how they are cut into batches."""

from __future__ import annotations

from collections import UserList, deque
from typing import Any

import numpy
import pytest

from baseten_perf.operations._inputs import all_ascii
from baseten_perf.operations.batching import Batches, checked_texts
from baseten_perf.policy import RequestProcessingPreference as Preference
from baseten_perf.policy import resolve


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
    ["ab", b"ab", bytearray(b"ab"), memoryview(b"ab"), {"a"}, {"a": 1}, {"a": 1}.keys(), None, 5, iter("ab"),
     numpy.array([["a"]]), numpy.array("a")],
)  # fmt: skip
def test_refused_containers(value: Any) -> None:
    with pytest.raises(TypeError, match="argument 'texts': "):
        checked_texts("texts", value)


@pytest.mark.parametrize("value", [["a", "b", 5], ["a", "b", b"c"], ["a", "b", None], numpy.array([1, 2, 3])])
def test_refused_elements_are_named_by_index(value: Any) -> None:
    index = 0 if isinstance(value, numpy.ndarray) else 2
    with pytest.raises(
        TypeError, match=rf"argument 'input': .* cannot be converted to 'PyString' \(at index {index}\)"
    ):
        checked_texts("input", value)


def test_lone_surrogates_are_found_and_placed() -> None:
    with pytest.raises(UnicodeEncodeError, match=r"surrogates not allowed \(in input\[2\]\)") as caught:
        checked_texts("input", ["a", "é", "x\ud800"])
    assert (caught.value.start, caught.value.object) == (1, "x\ud800")


def spans(lengths: list[int], batch_size: int, chars: int | None) -> list[list[int]]:
    preference = Preference(batch_size=batch_size)
    preference.max_chars_per_request = chars
    batches = Batches(["x" * length for length in lengths], resolve(preference))
    result = [lengths[slice(*batches.span(i))] for i in range(len(batches))]
    assert batches.sizes() == [len(part) for part in result]
    assert batches.total == len(lengths) and [text for part in result for text in part] == lengths
    return result


@pytest.mark.parametrize(
    ("lengths", "batch_size", "chars", "expected"),
    [
        ([1], 8, None, [[1]]),
        ([1, 2, 3, 4, 5], 2, None, [[1, 2], [3, 4], [5]]),
        ([1, 2, 3, 4], 2, None, [[1, 2], [3, 4]]),
        ([60], 8, 50, [[60]]),
        ([30, 60, 10, 20, 20, 1], 8, 50, [[30], [60], [10, 20, 20], [1]]),
        ([25, 25, 1], 8, 50, [[25, 25], [1]]),
        ([0, 0, 0, 0, 0], 2, 50, [[0, 0], [0, 0], [0]]),
        ([1, 60, 1, 1, 1], 2, 50, [[1], [60], [1, 1], [1]]),
        ([60, 60], 8, 50, [[60], [60]]),
        ([60, 0, 0], 8, 50, [[60], [0, 0]]),
    ],
)
def test_spans(lengths: list[int], batch_size: int, chars: int | None, expected: list[list[int]]) -> None:
    assert spans(lengths, batch_size, chars) == expected


def test_characters_are_counted_not_bytes() -> None:
    texts = ["é" * 25, "字" * 25, "x"]
    batches = Batches(texts, resolve(Preference(max_chars_per_request=50)))
    assert batches.sizes() == [2, 1]


def test_uniform_batches_cost_no_memory_per_batch() -> None:
    batches = Batches(["x"] * 1000, resolve(batch_size=3))
    assert isinstance(batches.starts, range) and len(batches) == 334 and batches.span(333) == (999, 1000)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], True),
        (["", "a\x7f"], True),
        (["a", "\x80", "b"], False),
        (["\ud800"], False),
        (["\u20ac", 1], None),
        (["a", Text("b")], None),
        ([None], None),
    ],
)
def test_all_ascii(texts: list[Any], expected: bool | None) -> None:
    assert all_ascii(texts) is expected
