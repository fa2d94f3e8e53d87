"""The native reader of rerank and classify answers: its results are those of the general JSON reader, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baseten_perf.operations import Classify, Learned, Rerank
from baseten_perf.policy import resolve
from baseten_perf.ranking._ranking import LabelReader, read_scored_documents, read_scored_texts
from baseten_perf.responses import ClassificationResult, RerankResult

Make = Callable[..., Any]

bounded = settings(max_examples=300, deadline=None, derandomize=True, database=None)
START = 1000


def exact(body: bytes) -> memoryview:
    """The same bytes in memory that ends with them, so that a checked build sees a byte too many being read."""
    return memoryview(numpy.frombuffer(body, dtype=numpy.uint8).copy())


def native_texts(body: bytes, count: int) -> Any:
    found = read_scored_texts(exact(body), RerankResult, START, count)
    assert found is None or {type(one) for one in found} == {RerankResult}
    return found and [(one.index - START, repr(one.score), one.text) for one in found]


def native_documents(body: bytes, count: int, most: int, texts: list[str] | None) -> Any:
    found = read_scored_documents(exact(body), RerankResult, texts, 0, count, most)
    return found and [(one.index, repr(one.score), one.text) for one in found]


def native_labels(body: bytes, count: int) -> Any:
    found = LabelReader(ClassificationResult).read(exact(body), count)
    return found and [[(one.label, repr(one.score)) for one in group] for group in found]


def number(score: Any) -> str:
    assert type(score) in (int, float)
    return repr(float(score))


def general_texts(body: bytes, count: int) -> Any:
    """What Python's json and plain Python make of a body; None when it is no answer for `count` texts."""
    try:
        entries = json.loads(body)
        found = [(entry["index"], number(entry["score"]), entry.get("text")) for entry in entries]
        assert sorted(index for index, _, _ in found) == list(range(count))
        assert {type(index) for index, _, _ in found} <= {int}
        assert {type(text) for _, _, text in found} <= {str, type(None)}
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


def general_documents(body: bytes, count: int, most: int, texts: list[str] | None) -> Any:
    try:
        entries = json.loads(body)["results"]
        found = []
        for entry in entries:
            text = entry.get("document")
            if isinstance(text, dict):
                text = text.get("text")
            assert isinstance(text, str | None)
            index = entry["index"]
            assert type(index) is int and 0 <= index < count
            text = None if texts is None else texts[index] if text is None else text
            found.append((index, number(entry["relevance_score"]), text))
        assert len({index for index, _, _ in found}) == len(found) and len(found) in (count, most)
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


def general_labels(body: bytes, count: int) -> Any:
    try:
        groups = json.loads(body)
        groups = groups["data"] if isinstance(groups, dict) else groups
        assert type(groups) is list and len(groups) == count and {type(group) for group in groups} <= {list}
        found = [[(one["label"], number(one["score"])) for one in group] for group in groups]
        assert {type(label) for group in found for label, _ in group} <= {str}
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


blanks = st.text(" \n\t\r", max_size=2)
lengths = st.sampled_from(["x" * length for length in range(20)])
strings = lengths | st.text() | st.text('a"\\/\b\f\n\r\t\x7f\u00e9\u20ac\U0001f600')
finite = st.floats(allow_nan=False, allow_infinity=False) | st.floats(width=32, allow_nan=False, allow_infinity=False)
halfway_to_infinity = f"{2**1024 - 2**970}"
odd_numbers = st.sampled_from([
    "0", "-0", "-0.0", "0.0", "1e5", "1E-7", "1e400", "1e-400", "-1e-400", "0e999999999999", "5e-324", "2.5e-324", "01",
    "1.", ".5", "+1", "-", "1e", "1e+", "9007199254740993", "9007199254740993.0", "9223372036854775808",
    "18446744073709551616", "123456789012345678901234567890", "0.30000000000000004", "0.1234567890123456789",
    "12345678901234567.8", halfway_to_infinity, f"{2**1024 - 2**970 - 1}.5", "NaN", "Infinity", "true", "null", '"1"',
    "[]", "{}", "1 2",
])  # fmt: skip
numbers = finite.map(repr) | st.integers().map(str) | odd_numbers
quoted = strings.map(json.dumps) | strings.map(lambda text: json.dumps(text, ensure_ascii=False))
odd_values = st.sampled_from([
    '"\\u0041\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\\x"', '"\\u12g4"',
    '"\\u12"', '"', '"\\', '"a\tb"', '"\x00"', "null", "nul", "true", "false", "fals", "[1]", "{}", "5", "",
])  # fmt: skip
values = quoted | odd_values | numbers
odd_indices = st.sampled_from(["-1", "-0", "00", "1.0", "1e0", "true", "null", '"0"', "9" * 18, "9" * 30])
odd_keys = st.sampled_from(["score", "index", "label", "text", "more", "", "scor\\u0065", "\u00e9", 'a\\"'])
odd_fields = st.tuples(odd_keys, values)


@st.composite
def objects(draw: Any, fields: list[tuple[str, str]]) -> str:
    """An object of these fields in any order; now and then with another one, and with blanks anywhere."""
    if draw(st.integers(0, 9)) == 0:
        fields = [*fields, draw(odd_fields)]
    blank = draw(blanks)
    members = [f'{blank}"{key}"{blank}:{blank}{value}{blank}' for key, value in draw(st.permutations(fields))]
    return ",".join(members).join("{}")


def array(items: list[str], blank: str) -> str:
    return f"{blank}[{blank}{f'{blank},{blank}'.join(items)}{blank}]{blank}"


@st.composite
def rerank_answers(draw: Any) -> tuple[bytes, int]:
    """An answer, and for how many texts it is."""
    count = draw(st.integers(1, 4))
    indices = [str(index) for index in draw(st.permutations(range(count)))]
    if draw(st.integers(0, 5)) == 0:
        indices[0] = draw(odd_indices | st.integers(0, 4).map(str))
    items = []
    for index in indices:
        fields = [("index", index), ("score", draw(numbers)), ("text", draw(quoted | odd_values))]
        items.append(draw(objects(fields[: draw(st.integers(2, 3))])))
    return draw(damaged(array(items, draw(blanks)))), count


nested = st.recursive(values, lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]") | (
    st.lists(st.tuples(quoted, inner), max_size=3).map(lambda pairs: f"{{{','.join(f'{k}:{v}' for k, v in pairs)}}}")
), max_leaves=5)  # fmt: skip


@st.composite
def around(draw: Any, name: str, value: str) -> str:
    """An object with that member, and others before and behind it."""
    keys = st.sampled_from(["model", "usage", "meta", "id", name, "", 'a\\"', "\u00e9"])
    others = draw(st.lists(st.tuples(keys, nested), max_size=2))
    members = [*others, (name, value)] if draw(st.integers(0, 9)) else others
    blank = draw(blanks)
    written = [f'{blank}"{key}"{blank}:{blank}{item}{blank}' for key, item in draw(st.permutations(members))]
    return blank + ",".join(written).join("{}") + blank


@st.composite
def cohere_answers(draw: Any) -> tuple[bytes, int, int, list[str] | None]:
    """An answer, for how many texts it is, how many of them are asked for, and the texts if they are wanted."""
    count = draw(st.integers(1, 4))
    most = draw(st.integers(1, count))
    indices = [str(index) for index in draw(st.permutations(range(count)))]
    if draw(st.integers(0, 5)) == 0:
        indices[0] = draw(odd_indices | st.integers(0, 4).map(str))
    items = []
    for index in indices[: most if draw(st.booleans()) else count]:
        document = draw(quoted | odd_values | objects([("text", draw(quoted | odd_values)), ("multi_modal", "null")]))
        fields = [("index", index), ("relevance_score", draw(numbers)), ("document", document)]
        items.append(draw(objects(fields[: draw(st.integers(2, 3))])))
    body = draw(damaged(draw(around("results", array(items, draw(blanks))))))
    return body, count, most, draw(st.sampled_from([None, ["own a", "own \u00e9", "", "own d"]]))


@st.composite
def classify_answers(draw: Any) -> tuple[bytes, int]:
    """An answer, and for how many texts it is."""
    count = draw(st.integers(1, 3))
    groups = []
    for _ in range(count):
        labels = draw(st.lists(st.tuples(quoted, numbers), max_size=3))
        items = [draw(objects([("label", label), ("score", score)])) for label, score in labels]
        groups.append(array(items, draw(blanks)))
    answer = array(groups, draw(blanks))
    return draw(damaged(draw(around("data", answer)) if draw(st.booleans()) else answer)), count


@st.composite
def damaged(draw: Any, text: str) -> bytes:
    """Now and then cut, or with a byte that is another or one too many."""
    body = text.encode()
    how = draw(st.sampled_from(["leave"] * 9 + ["cut", "insert", "replace"]))
    place = draw(st.integers(0, len(body)))
    octet = draw(st.sampled_from([bytes([octet]) for octet in b'{}[]:,"\\ 0-.eE\x00\x1f\x80\xc3\xed\xff']))
    if how == "leave":
        return body
    return body[:place] if how == "cut" else body[:place] + octet + body[place + (how == "replace") :]


@bounded
@given(rerank_answers())
@example((b"", 1))
@example((b"[", 1))
@example((b"[]", 1))
@example((b'[{"index":0,"score":1}]x', 1))
@example((b'[{"index":0,"score":1},]', 1))
@example((b'[{"index":0,"score":1,}]', 1))
@example((b'[{"index":1,"score":1},{"index":1,"score":1}]', 2))
@example((b'\xef\xbb\xbf[{"index":0,"score":1}]', 1))
@example((b'[{"index":0,"score":1,"text":"\xff"}]', 1))
@example((b'[{"index":0,"score":1,"more":"\xff"}]', 1))
def test_texts_are_those_of_the_general_reader(answer: tuple[bytes, int]) -> None:
    found = native_texts(*answer)
    assert found is None or found == general_texts(*answer)


@bounded
@given(cohere_answers())
@example((b"{}", 1, 1, None))
@example((b'{"results":[]}', 1, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1}]', 1, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1}],}', 1, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1}],"results":[]}', 1, 1, None))
@example((b'{"results":1,"results":[{"index":0,"relevance_score":1}]}', 1, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1}]}{}', 1, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":1}]}', 3, 1, None))
@example((b'{"results":[{"index":0,"relevance_score":1,"document":{}}]}', 1, 1, ["own"]))
@example((b'{"results":[{"index":0,"relevance_score":1,"document":"\xff"}]}', 1, 1, None))
def test_documents_are_those_of_the_general_reader(answer: tuple[bytes, int, int, list[str] | None]) -> None:
    found = native_documents(*answer)
    assert found is None or found == general_documents(*answer)


@bounded
@given(classify_answers())
@example((b"[[],[]]", 2))
@example((b"[[],[],]", 2))
@example((b"[[]]", 2))
@example((b"[[,]]", 1))
@example((b'[[{"label":"a","score":1},]]', 1))
@example((b'[[{"label":null,"score":1}]]', 1))
def test_labels_are_those_of_the_general_reader(answer: tuple[bytes, int]) -> None:
    found = native_labels(*answer)
    assert found is None or found == general_labels(*answer)


@bounded
@given(st.binary(max_size=40), st.integers(1, 3))
def test_any_bytes(body: bytes, count: int) -> None:
    assert native_texts(body, count) is None or general_texts(body, count) is not None
    assert native_labels(body, count) is None or general_labels(body, count) is not None
    assert native_documents(body, count, 1, None) is None or general_documents(body, count, 1, None) is not None


@bounded
@given(numbers)
def test_scores_are_rounded_as_by_python(text: str) -> None:
    body = f'[{{"index":0,"score":{text}}}]'.encode()
    found = native_texts(body, 1)
    assert found is None or found == general_texts(body, 1) == [(0, repr(float(text)), None)]


@bounded
@given(st.lists(st.tuples(finite, st.none() | strings), min_size=1, max_size=9), blanks, st.booleans(), st.randoms())
def test_ordinary_rerank_answers_need_no_other_reader(items: Any, blank: str, ascii_only: bool, chance: Any) -> None:
    answer = [{"index": k, "score": score, "text": text, "x": None} for k, (score, text) in enumerate(items)]
    chance.shuffle(answer)
    body = json.dumps(answer, ensure_ascii=ascii_only, indent=blank).encode()
    found = native_texts(body, len(items))
    assert found is not None and found == general_texts(body, len(items))


TEXTS = ["own a", "own b", "own c"]
ORDINARY = [None, "", "text", "\u00e9\n", {"text": "\u20ac", "multi_modal": None}, {"text": None}, {"more": None}]


@pytest.mark.parametrize("texts", [None, TEXTS])
@pytest.mark.parametrize("document", ORDINARY)
@pytest.mark.parametrize(("indices", "most"), [([2, 0, 1], 3), ([1], 1), ([0, 1, 2], 1)])
def test_ordinary_answers_of_cohere_need_no_other_reader(
    texts: list[str] | None, document: Any, indices: list[int], most: int
) -> None:
    results = [{"index": index, "relevance_score": 1 / (index + 3), "document": document} for index in indices]
    meta = {"api_version": {"version": "1"}, "billed_units": [{"search_units": 1.5}, [], {}, [True, None]]}
    for answer in ({"id": "x", "meta": meta, "results": results}, {"results": results, "meta": meta, "id": ""}):
        for indent in (None, 1):
            body = json.dumps(answer, indent=indent).encode()
            found = native_documents(body, 3, most, texts)
            assert found is not None and found == general_documents(body, 3, most, texts)


def test_answers_of_cohere_without_documents_need_no_other_reader() -> None:
    body = b'{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":0.25}]}'
    found = read_scored_documents(body, RerankResult, TEXTS, 0, 2, 2)
    assert found == [RerankResult(1, 0.5, "own b"), RerankResult(0, 0.25, "own a")]
    assert found[0].text is TEXTS[1]
    second = read_scored_documents(body, RerankResult, TEXTS, 1, 2, 2)
    assert second == [RerankResult(2, 0.5, "own c"), RerankResult(1, 0.25, "own b")]
    assert read_scored_documents(body, RerankResult, TEXTS, 2, 2, 2) is None


@pytest.mark.parametrize("depth", [1, 10, 40, 100_000])
def test_deep_nesting_is_for_the_general_reader(depth: int) -> None:
    for opening, closing in ("[]", ('{"a":', "}")):
        deep = opening * depth + "1" + closing * depth
        body = f'{{"meta":{deep},"results":[{{"index":0,"relevance_score":1,"more":{deep}}}]}}'.encode()
        found = native_documents(body, 1, 1, None)
        assert found == ([(0, "1.0", None)] if depth <= 10 else None)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "labels", [["a"], ["a", "b", "c"], [], [f"label {k}" for k in range(1000)], ["x" * 70, "\u00e9", 'q"']]
)
def test_ordinary_classify_answers_need_no_other_reader(labels: list[str], wrapped: bool) -> None:
    answer = [[{"label": label, "score": 1 / (k + 2)} for k, label in enumerate(labels)] for _ in range(3)]
    infinity = {"object": "classify", "data": answer, "model": "m", "usage": {"prompt_tokens": 3}}
    body = json.dumps(infinity if wrapped else answer).encode()
    found = native_labels(body, 3)
    assert found is not None and found == general_labels(body, 3)


def test_a_label_that_comes_again_is_the_same_object() -> None:
    reader = LabelReader(ClassificationResult)
    body = b'[[{"label":"positive","score":0.5}],[{"score":0.5,"label":"positive"}]]'
    first, second = reader.read(body, 2) or []
    (third,), _ = reader.read(body, 2) or []
    assert first[0].label is second[0].label is third.label


def test_odd_answers_are_taken_in_all_the_same(completion: Make) -> None:
    """What the native reader leaves to the general one."""
    policy = resolve(batch_size=2)
    rerank = Rerank(Learned(), "q", ["a", "b"], False, None, False, False, "Right", None, None, "tei", None, policy)
    rerank.accept(completion(b'[{"index":1,"sc\\u006fre":-0,"more":{"a":[1]}},{"score":2,"index":0,"score":3}]'), None)
    assert rerank.response(0.0, None).data == [RerankResult(1, 0.0), RerankResult(0, 3.0)]
    classify = Classify(Learned(), ["a", "b"], None, False, False, "Right", None, None, "tei", policy)
    classify.accept(completion(b'[[{"label":"a","score":1,"more":[]}],[]]'), None)
    assert classify.response(0.0, None).data == [[ClassificationResult("a", 1.0)], []]


@pytest.mark.parametrize("kind", [int, dict, type("Derived", (RerankResult,), {})])
def test_only_classes_of_records_can_be_filled(kind: Any) -> None:
    with pytest.raises(TypeError, match="is not a class that was made by record"):
        read_scored_texts(b"[]", kind, 0, 1)
    with pytest.raises(TypeError, match="is not a class that was made by record"):
        LabelReader(kind)


def test_bodies_without_a_buffer_and_batches_without_texts() -> None:
    with pytest.raises(TypeError):
        read_scored_texts("[]", RerankResult, 0, 1)  # type: ignore[arg-type]
    assert read_scored_texts(b"[]", RerankResult, 0, 0) is None
    assert LabelReader(ClassificationResult).read(b"[]", 0) is None
