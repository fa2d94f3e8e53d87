"""Records: results that the garbage collector does not know, and that are dataclasses all the same."""

from __future__ import annotations

import dataclasses
import gc
import inspect
import json
import sys
import weakref
from typing import Any

import pytest

from baseten_perf.ranking._ranking import LabelReader, read_scored_texts, record
from baseten_perf.responses import ClassificationResult, RerankResult

READ = [
    lambda: (read_scored_texts(b'[{"index":0,"score":0.5,"text":"some text"}]', RerankResult, 300, 1) or [])[0],
    lambda: (LabelReader(ClassificationResult).read(b'[[{"label":"l","score":0.5}]]', 1) or [])[0][0],
]
MADE = [lambda: RerankResult(300, 0.5, "some text"), lambda: ClassificationResult("l", 0.5)]


@pytest.mark.parametrize("make", [*READ, *MADE])
def test_the_collector_does_not_know_them(make: Any) -> None:
    result = make()
    assert not gc.is_tracked(result) and not hasattr(result, "__dict__")
    assert weakref.ref(result)() is result


def test_nor_does_it_know_the_lists_of_them() -> None:
    body = b'[[{"label":"l","score":0.5}],[],[{"label":"l","score":1}]]'
    groups = LabelReader(ClassificationResult).read(body, 3) or []
    texts = read_scored_texts(b'[{"index":0,"score":0.5}]', RerankResult, 0, 1) or []
    assert not any(map(gc.is_tracked, [texts, groups, *groups]))
    groups[0].extend(groups[2])
    assert groups[0] == [ClassificationResult("l", 0.5), ClassificationResult("l", 1.0)]


@pytest.mark.parametrize(("read", "made"), list(zip(READ, MADE, strict=True)))
def test_read_from_json_or_made_in_python_they_are_the_same(read: Any, made: Any) -> None:
    assert read() == made() and hash(read()) == hash(made()) and repr(read()) == repr(made())


@pytest.mark.parametrize("make", [*READ, *MADE])
def test_they_are_dataclasses(make: Any) -> None:
    result = make()
    names = [field.name for field in dataclasses.fields(result)]
    assert tuple(names) == type(result).__match_args__
    assert dataclasses.asdict(result) == {name: getattr(result, name) for name in names}
    assert json.loads(json.dumps(dataclasses.astuple(result))) == list(dataclasses.astuple(result))
    assert dataclasses.replace(result, score=2.0).score == 2.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.score = 1.0


def test_patterns() -> None:
    match RerankResult(1, 0.5, "t"):
        case RerankResult(index, score, text=text):
            assert (index, score, text) == (1, 0.5, "t")
        case _:
            pytest.fail("no match")


def test_signatures_names_and_documentation() -> None:
    assert list(inspect.signature(RerankResult).parameters) == ["index", "score", "text"]
    assert inspect.signature(RerankResult).parameters["text"].default is None
    assert RerankResult(index=1, score=0.5) == RerankResult(1, 0.5, None)
    assert ClassificationResult(score=0.5, label="l") == ClassificationResult("l", 0.5)
    for kind in (RerankResult, ClassificationResult):
        assert kind.__module__.startswith("baseten_perf.responses.") and kind.__qualname__ == kind.__name__
        assert (kind.__doc__ or "").startswith("The score of") or (kind.__doc__ or "").startswith("One label of")
        with pytest.raises(TypeError):
            kind()  # type: ignore[call-arg]


@pytest.mark.parametrize("make", [*READ, *MADE])
def test_nothing_is_left_of_them(make: Any) -> None:
    kind = type(make())
    before = sys.getrefcount(kind)
    many = [make() for _ in range(100)]
    assert sys.getrefcount(kind) == before + 100
    weak = weakref.ref(many[0])
    del many
    assert sys.getrefcount(kind) == before and weak() is None


def test_refused_answers_leave_nothing() -> None:
    """Results that were made before the reader gave up."""
    before = sys.getrefcount(RerankResult), sys.getrefcount(ClassificationResult), sys.getrefcount(None)
    for _ in range(100):
        assert read_scored_texts(b'[{"index":0,"score":0.5,"text":"\\n"},{"index":0}]', RerankResult, 0, 2) is None
        assert read_scored_texts(b'[{"index":0,"score":0.5,"text":"\\ud800"}]', RerankResult, 0, 1) is None
        assert LabelReader(ClassificationResult).read(b'[[{"label":"l","score":0.5}],[{"label":"\xff"}]]', 2) is None
    after = sys.getrefcount(RerankResult), sys.getrefcount(ClassificationResult), sys.getrefcount(None)
    assert after[:2] == before[:2] and abs(after[2] - before[2]) < 50


def test_a_class_may_be_derived_from_one() -> None:
    class Ranked(RerankResult):
        """With a place of its own for more."""

    ranked: Any = Ranked(1, 0.5)
    ranked.__dict__["more"] = ranked
    weak = weakref.ref(ranked)
    del ranked
    gc.collect()
    assert weak() is None


def test_at_most_three_fields() -> None:
    class Four:
        a: int
        b: int
        c: int
        d: int

    with pytest.raises(TypeError, match="at most three fields"):
        record(Four)
