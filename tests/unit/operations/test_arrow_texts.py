"""Texts where Arrow has them: what is made of them is what is made of a list of str."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baseten_perf.operations._inputs import batch_starts, longest
from baseten_perf.operations.columns import elements

pyarrow = pytest.importorskip("pyarrow")

LAYOUTS = [pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()]
CHARACTERS = st.characters(exclude_categories=("Cs",))  # all but surrogates
# Such as need an escape, and the first and last ones of each length in UTF-8.
ODD = st.sampled_from([*map(chr, range(0x20)), *'"\\/\x7f\x80\u07ff\u0800\u2028\ud7ff\ue000\uffff\U00010000\U0010ffff'])
TEXTS = st.lists(
    st.text(CHARACTERS | ODD)
    | st.text(ODD, max_size=200)
    | st.builds(lambda start, text, times: start + text * times, st.text(max_size=3), st.text(), st.integers(0, 40)),
    max_size=12,
)


def column_of(texts: list[str], layout: Any, cuts: list[int]) -> Any:
    """A column in chunks, each a slice of a longer array."""
    ends = sorted({0, *(cut % (len(texts) + 1) for cut in cuts), len(texts)})
    chunks = [
        pyarrow.array(["before", *texts[start:end], "behind"], layout).slice(1, end - start)
        for start, end in pairwise(ends)
    ]
    return pyarrow.chunked_array(chunks, layout)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(LAYOUTS), st.lists(st.integers(0, 12), max_size=3), st.data())
def test_as_of_a_list(texts: list[str], layout: Any, cuts: list[int], data: Any) -> None:
    held: Any = elements(column_of(texts, layout, cuts))
    assert type(held).__name__ == "ArrowTexts" and len(held) == len(texts)
    assert list(held) == texts == [held[i] for i in range(-len(texts), 0)]
    assert held.lengths() == list(map(len, texts))
    assert longest(held) == longest(texts)
    assert held.body(b"<", b">") == b"<%b>" % orjson.dumps(texts)
    start, end = data.draw(st.integers(-14, 14)), data.draw(st.integers(-14, 14))
    part = held[start:end][:5]
    assert (list(part), part.body(b"", b"")) == (texts[start:end][:5], orjson.dumps(texts[start:end][:5]))
    limits = [data.draw(st.integers(1, 5)), *(data.draw(st.just(1e300) | st.floats(0, 200)) for _ in range(2))]
    for count_tokens in (None, len):
        assert batch_starts(held, *limits, 0.3, count_tokens) == batch_starts(texts, *limits, 0.3, count_tokens)


NO_UTF_8 = [
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x9f\xbf", b"\xe1\x80", b"\xed\xa0\x80",
    b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf1\x80\x80", b"\xf5\x80\x80\x80", b"\xff",
    b"\xc3\xa9\x80", b"\xe2\x82\xac\x82",
]  # fmt: skip
FILLERS = [b"", "é".encode() * 40, b"a" * 77, "字".encode() * 40, "a😀".encode() * 30]


def unchecked(texts: list[bytes]) -> Any:
    """An array of strings of these bytes."""
    binary = pyarrow.array(texts, pyarrow.binary())
    return pyarrow.Array.from_buffers(pyarrow.string(), len(texts), binary.buffers())


def checked_by_python(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        with pytest.raises(UnicodeDecodeError) as caught:
            elements(unchecked([b"fine", text]))
        assert caught.value.args == error.args
    else:
        assert list(elements(unchecked([text])) or ()) == [text.decode()]


def test_what_is_no_utf_8_at_any_place() -> None:
    for fault in NO_UTF_8:
        for before in FILLERS:
            for behind in FILLERS:
                for shift in range(17):
                    checked_by_python(b"-" * shift + before + fault + behind)


@settings(max_examples=300, deadline=None)
@given(st.text(CHARACTERS, min_size=70, max_size=90), st.integers(0, 400), st.binary(max_size=3))
def test_what_is_no_utf_8(text: str, place: int, fault: bytes) -> None:
    encoded = text.encode()
    checked_by_python(encoded[:place] + fault + encoded[place:])


def test_series_of_strings() -> None:
    """Those that Arrow has are not made into lists; others are, without pyarrow."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    texts = ["a", "é", ""]
    for series in (polars.Series(texts), pandas.Series(texts, dtype="string[pyarrow]")):
        if hasattr(series, "__arrow_c_stream__"):
            held: Any = elements(series)
            assert (type(held).__name__, list(held)) == ("ArrowTexts", texts)
    for series in (pandas.Series(texts, dtype="string[python]"), pandas.Series(texts, dtype=object)):
        assert elements(series) == texts
    for numbers in (polars.Series([1, 2]), pandas.Series([1, 2])):
        assert elements(numbers) == [1, 2]
