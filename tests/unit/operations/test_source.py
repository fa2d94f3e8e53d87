"""Sources of streams: texts that come one after the other make the batches that a list of them makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseten_perf.operations.batching import Batches, BatchSize
from baseten_perf.operations.source import GatheredPayloads, GatheredTexts
from baseten_perf.policy.resolve import resolve

TEXTS = st.lists(st.text(alphabet="aé", max_size=80), min_size=1, max_size=60)
SIZES = st.integers(1, 9)
LIMITS = st.one_of(st.none(), st.integers(50, 200))


@given(TEXTS, SIZES, LIMITS)
def test_batches_are_those_of_a_list(texts: list[str], size: int, limit: int | None) -> None:
    policy = resolve(batch_size=size, max_chars_per_request=limit or 1048576)
    limits = BatchSize.of(policy)
    batches = Batches(texts, limits)
    expected = [texts[slice(*batches.span(number))] for number in range(len(batches))]

    pulled = GatheredTexts("inputs", limits)
    source = iter(texts)
    assert list(iter(lambda: pulled.pull(source), [])) == expected
    assert pulled.count == len(texts)

    added = GatheredTexts("inputs", limits)
    one_by_one = [batch for batch in map(added.add, texts) if batch is not None]
    rest = added.rest()
    assert one_by_one + [rest] * bool(rest) == expected
    assert added.rest() == []


def test_no_more_is_pulled_than_a_batch() -> None:
    source = iter([f"text {i}" for i in range(100)])
    gathering = GatheredTexts("inputs", BatchSize.of(resolve(batch_size=8)))
    assert len(gathering.pull(source)) == 8
    assert next(source) == "text 8"


def test_the_source_is_left_alone() -> None:
    """A generator is not closed when a batch ends in its midst."""

    def endless() -> Iterator[str]:
        try:
            while True:
                yield "ä" * 30
        finally:
            closed.append(True)

    closed: list[bool] = []
    source = endless()
    gathering = GatheredTexts("inputs", BatchSize.of(resolve(batch_size=8, max_chars_per_request=100)))
    assert [len(gathering.pull(source)) for _ in range(10)] == [3] * 10
    assert not closed
    source.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("item", "kind", "message"),
    [(None, TypeError, "inputs[2] is None"), (b"a", TypeError, "inputs[2] is of type bytes"),
     ("\ud800", UnicodeEncodeError, "(in inputs[2])")],
)  # fmt: skip
def test_wrong_texts(item: object, kind: type[Exception], message: str) -> None:
    gathering = GatheredTexts("inputs", BatchSize.of(resolve(batch_size=8)))
    with pytest.raises(kind) as raised:
        gathering.pull(iter(["a", "b", item, "c"]))
    assert message in str(raised.value)


def test_strings_of_other_classes() -> None:
    class Text(str):
        __slots__ = ()

    batch = GatheredTexts("inputs", BatchSize.of(resolve(batch_size=2))).pull(iter([Text("a"), Text("b")]))
    assert [type(text) for text in batch] == [str, str]


def test_payloads_go_one_by_one() -> None:
    gathering = GatheredPayloads()
    source = iter([{"a": 1}, None, []])
    assert list(iter(lambda: gathering.pull(source), [])) == [[{"a": 1}], [None], [[]]]
    assert gathering.count == 3
