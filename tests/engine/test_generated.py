"""Generated embeddings answers: whatever their shape and however they are cut, nothing is lost or invented."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baseten_perf.engine._engine import ReaderDriver

read_embeddings = ReaderDriver().read

pytestmark = pytest.mark.usefixtures("kernel")

Read = Callable[..., Any]

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

names = st.sampled_from(
    ["data", "embedding", "index", "object", "", "x", 'em"bedding', "dat\\a", "embedding ", "d\u00e9"]
)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | finite | st.text() | names
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(names | st.text(), inner), max_leaves=12)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e300, 1e300) | st.integers()
texts = (
    st.lists(st.floats(width=32, allow_nan=False), max_size=20).map(
        lambda floats: base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()
    )
    | st.text()
    | st.text("AQgw/+= \\\"", max_size=40)
    | st.binary(max_size=70).map(lambda octets: base64.b64encode(octets).decode())
)
vectors = st.lists(numbers, max_size=30) | texts
items = st.dictionaries(names | st.text(), values, max_size=4).flatmap(
    lambda rest: vectors.map(lambda vector: {**rest, "embedding": vector})
)
answers = st.dictionaries(names | st.text(), values, max_size=4).flatmap(
    lambda rest: st.lists(items, max_size=8).map(lambda data: {**rest, "data": data})
)
lengths = st.lists(st.integers(0, 50), min_size=1, max_size=20)


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    """The body in pieces of the sizes given, over and over."""
    found, start, turn = [], 0, 0
    while start < len(body):
        size = sizes[turn % len(sizes)] or (turn >= len(sizes))
        found.append(body[start : start + size])
        start, turn = start + size, turn + 1
    return found


@bounded
@given(answers, st.sampled_from([0, 1, 3, 17]), st.booleans(), st.sampled_from([None, 1, "\t "]))
def test_whole_answers(
    read: Read, reference: Read, answer: dict[str, Any], at_a_time: int, ascii_only: bool, indent: int | str | None
) -> None:
    body = json.dumps(answer, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert read(body, at_a_time) == reference(body)


@bounded
@given(answers, lengths, lengths)
def test_cuts_do_not_matter(answer: dict[str, Any], first: list[int], second: list[int]) -> None:
    body = json.dumps(answer).encode()
    whole = read_embeddings([body], 100)
    assert repr(read_embeddings(cut(body, first), 100)) == repr(whole)
    assert repr(read_embeddings(cut(body, second), 100)) == repr(whole)


def outcome(pieces: list[bytes]) -> Any:
    try:
        return repr(read_embeddings(pieces, 4))
    except ValueError:
        return "refused"  # the words may differ: a cut can hide why


@bounded
@given(answers, lengths, st.data())
def test_damaged_answers(answer: dict[str, Any], sizes: list[int], data: st.DataObject) -> None:
    """Bytes lost, doubled or changed: the same outcome at any cuts, and never a vector for a body that is not JSON."""
    body = bytearray(json.dumps(answer).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1)) if body else 0
        change = data.draw(st.sampled_from(["lose", "double", "change", "end"]))
        if change == "lose":
            del body[place : place + 1]
        elif change == "double":
            body[place:place] = body[place : place + data.draw(st.integers(1, 9))]
        elif change == "change" and body:
            body[place] = data.draw(st.sampled_from(b'"\\[]{},:0-.eE x\xff\x00/'))
        else:
            del body[place:]
    damaged = bytes(body)
    seen = outcome([damaged])
    assert outcome(cut(damaged, sizes)) == seen
    assert outcome(cut(damaged, [1])) == seen


@bounded
@given(st.binary(max_size=300), lengths)
def test_any_bytes(body: bytes, sizes: list[int]) -> None:
    assert outcome(cut(body, sizes)) == outcome([body])


@bounded
@given(st.text('{}[]",:\\ 0123embedding/data="A', max_size=200), lengths)
def test_nearly_json(text: str, sizes: list[int]) -> None:
    body = ('{"data":[{"embedding":' + text).encode()
    assert outcome(cut(body, sizes)) == outcome([body])


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_bound_on_vectors(most: int) -> None:
    body = json.dumps({"data": [{"embedding": [1]}, {"embedding": "AACAPw=="}, {"embedding": []}]}).encode()
    if most < 3:
        with pytest.raises(ValueError, match=f"vector {most}: more vectors than inputs"):
            read_embeddings([body], most)
    else:
        assert len(read_embeddings([body], most)[0]) == 3
