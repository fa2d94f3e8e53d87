"""The native readers of rerank and classify answers: their results are those of the general JSON reader, or none."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

bounded = settings(max_examples=300, deadline=None, derandomize=True, database=None)

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
models_scores = st.integers(0, 10**20).map(lambda digits: f"0.{digits}") | st.floats(0, 1).map(repr)
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
def alike(draw: Any, items: list[dict[str, str]]) -> list[str]:
    """Objects of one serializer, of which now and then one has another value, or another text around it."""
    blank, after_colon = draw(blanks), draw(blanks)
    more = draw(st.sampled_from([{}, {"more": '"x"'}, {"a key of more than sixteen characters": "[1]"}]))
    order = draw(st.permutations([*items[0], *more]))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(items) - 1))
        key = draw(st.sampled_from(order))
        items = [*items[:at], {**items[at], key: draw(values | odd_indices)}, *items[at + 1 :]]
    return [
        f",{blank}".join(f'"{key}":{after_colon}{ {**more, **item}[key] }' for key in order).join("{}")
        for item in items
    ]


@st.composite
def alike_texts(draw: Any) -> tuple[bytes, int]:
    """A rerank answer, and for how many texts it is."""
    scores = draw(st.lists(numbers | models_scores, min_size=3, max_size=5))
    items = [{"index": str(k), "score": score, "text": draw(quoted)} for k, score in enumerate(scores)]
    return draw(damaged(array(draw(alike(items)), draw(blanks)) + draw(st.sampled_from(["", " " * 50])))), len(items)


@st.composite
def alike_documents(draw: Any) -> tuple[bytes, int, int, list[str] | None]:
    scores = draw(st.lists(models_scores, min_size=3, max_size=4))
    nest = draw(st.sampled_from(["{}", '{{"text":{}}}', '{{"text":{},"index":3}}']))
    items = [
        {"index": str(k), "relevance_score": score, "document": nest.format(draw(quoted))}
        for k, score in enumerate(scores)
    ]
    body = array(draw(alike(items)), draw(blanks)).join(['{"results":', ',"more":"' + 50 * "x" + '"}'])
    return draw(damaged(body)), len(items), len(items), draw(st.sampled_from([None, ["a", "b", "c", "d"]]))


@st.composite
def alike_labels(draw: Any) -> tuple[bytes, int]:
    """A classify answer, and for how many texts it is."""
    items = draw(st.lists(st.tuples(quoted, models_scores), min_size=4, max_size=6))
    written = draw(alike([{"label": label, "score": score} for label, score in items]))
    cuts = sorted(draw(st.lists(st.integers(0, len(items)), min_size=2, max_size=2)))
    groups = [written[: cuts[0]], written[cuts[0] : cuts[1]], written[cuts[1] :]]
    blank = draw(blanks)
    answer = array([array(group, "") for group in groups], blank)
    return draw(damaged(answer + draw(st.sampled_from(["", " " * 50])))), 3


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
@given(rerank_answers() | alike_texts())
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
def test_texts_are_those_of_the_general_reader(of_texts: Any, answer: tuple[bytes, int]) -> None:
    found = of_texts.native(*answer)
    assert found is None or found == of_texts.general(*answer)


@bounded
@given(cohere_answers() | alike_documents())
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
def test_documents_are_those_of_the_general_reader(
    of_documents: Any, answer: tuple[bytes, int, int, list[str] | None]
) -> None:
    found = of_documents.native(*answer)
    assert found is None or found == of_documents.general(*answer)


@bounded
@given(classify_answers() | alike_labels())
@example((b"[[],[]]", 2))
@example((b"[[],[],]", 2))
@example((b"[[]]", 2))
@example((b"[[,]]", 1))
@example((b'[[{"label":"a","score":1},]]', 1))
@example((b'[[{"label":null,"score":1}]]', 1))
@example((b'[[{"label":"a","score":1},{"label":"b","score":2} {"label":"c","score":3}]]' + b" " * 50, 1))
def test_labels_are_those_of_the_general_reader(of_labels: Any, answer: tuple[bytes, int]) -> None:
    found = of_labels.native(*answer)
    assert found is None or found == of_labels.general(*answer)


@bounded
@given(st.binary(max_size=40), st.integers(1, 3))
def test_any_bytes(of_texts: Any, of_documents: Any, of_labels: Any, body: bytes, count: int) -> None:
    assert of_texts.native(body, count) is None or of_texts.general(body, count) is not None
    assert of_labels.native(body, count) is None or of_labels.general(body, count) is not None
    assert of_documents.native(body, count, 1, None) is None or of_documents.general(body, count, 1, None) is not None


@bounded
@given(numbers | models_scores | st.from_regex(r"\A[0-9][.][0-9]{1,20}\Z"), st.sampled_from(["", " " * 50]))
@example("9.999999999999999999", " " * 50)
@example("9.9999999999999999999", " " * 50)
@example("0.10000000000000000e1", " " * 50)
def test_scores_are_rounded_as_by_python(of_texts: Any, text: str, behind: str) -> None:
    body = f'[{{"index":0,"score":{text}}}]{behind}'.encode()
    found = of_texts.native(body, 1)
    assert found is None or found == of_texts.general(body, 1) == [(0, repr(float(text)), None)]


@bounded
@given(st.lists(st.tuples(finite, st.none() | strings), min_size=1, max_size=9), blanks, st.booleans(), st.randoms())
def test_ordinary_rerank_answers_need_no_other_reader(
    of_texts: Any, items: Any, blank: str, ascii_only: bool, chance: Any
) -> None:
    answer = [{"index": k, "score": score, "text": text, "x": None} for k, (score, text) in enumerate(items)]
    chance.shuffle(answer)
    body = json.dumps(answer, ensure_ascii=ascii_only, indent=blank).encode()
    found = of_texts.native(body, len(items))
    assert found is not None and found == of_texts.general(body, len(items))
