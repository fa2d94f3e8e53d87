"""How inputs are cut into batches."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseten_perf.operations.batch_limit import UNLIMITED, BatchLimit
from baseten_perf.operations.batching import Batches, BatchSize
from baseten_perf.operations.source import GatheredTexts
from baseten_perf.operations.token_count import TokenCounter
from baseten_perf.policy import RequestProcessingPreference as Preference
from baseten_perf.policy import resolve


def spans(lengths: list[int], batch_size: int, chars: int | None) -> list[list[int]]:
    preference = Preference(batch_size=batch_size)
    preference.max_chars_per_request = chars
    batches = Batches(["x" * length for length in lengths], BatchSize.of(resolve(preference)))
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
    batches = Batches(texts, BatchSize.of(resolve(Preference(max_chars_per_request=50))))
    assert batches.sizes() == [2, 1]


def test_uniform_batches_cost_no_memory_per_batch() -> None:
    batches = Batches(["x"] * 1000, BatchSize.of(resolve(batch_size=3)))
    assert isinstance(batches.starts, range) and len(batches) == 334 and batches.span(333) == (999, 1000)


TEXTS = st.lists(st.text(alphabet="ab é字😀", max_size=30), min_size=1, max_size=40)
LIMITS = st.builds(
    BatchSize,
    st.integers(1, 9),
    st.one_of(st.just(inf), st.integers(1, 60)),
    st.one_of(st.just(inf), st.integers(1, 20)),
    st.sampled_from([TokenCounter(), TokenCounter(lambda text: len(text.split()))]),
)


def weights(text: Any, limits: BatchSize) -> tuple[float, float, float]:
    """What a text counts for: inputs, characters, tokens."""
    if limits.tokens == inf:
        return 1, len(text), 0
    count = limits.counter.count_tokens
    if isinstance(text, list):
        return 1, len(text), len(text)
    return 1, len(text), len(text.encode()) / 4 if count is None else count(text)


def greedy(texts: list[Any], limits: BatchSize) -> list[list[Any]]:
    """The batches, by the letter: each takes what comes next as long as no limit is exceeded."""
    batches: list[list[Any]] = []
    sums = [inf, inf, inf]
    for text in texts:
        own = weights(text, limits)
        sums = [total + one for total, one in zip(sums, own, strict=True)]
        if any(total > limit for total, limit in zip(sums, limits[:3], strict=True)):
            batches.append([])
            sums = list(own)
        batches[-1].append(text)
    return batches


@given(TEXTS, LIMITS)
def test_any_mix_of_limits(texts: list[str], limits: BatchSize) -> None:
    batches = Batches(texts, limits)
    parts = [batches.sent(number) for number in range(len(batches))]
    assert [text for part in parts for text in part] == texts
    for part in parts:
        sums = map(sum, zip(*(weights(text, limits) for text in part), strict=True))
        assert len(part) == 1 or all(total <= limit for total, limit in zip(sums, limits[:3], strict=True))
    assert parts == greedy(texts, limits)

    source, gathering = iter(texts), GatheredTexts("inputs", limits)
    assert list(iter(lambda: gathering.pull(source), [])) == parts
    gathering = GatheredTexts("inputs", limits)
    one_by_one = [part for part in map(gathering.add, texts) if part is not None]
    assert [part for part in [*one_by_one, gathering.rest()] if part] == parts


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=9), min_size=1, max_size=30), LIMITS)
def test_token_ids(inputs: list[list[int]], limits: BatchSize) -> None:
    batches = Batches(inputs, limits)
    assert [batches.sent(number) for number in range(len(batches))] == greedy(inputs, limits)


def test_limits_that_have_been_learned() -> None:
    known = BatchLimit()
    size = BatchSize(8, 100)
    assert size.within(known) == size
    known.inputs = 3
    assert size.within(known) == BatchSize(3, 100)
    known.inputs = UNLIMITED
    gathering = GatheredTexts("inputs", size, known)
    source = iter([f"text {i}" for i in range(100)])
    assert len(gathering.pull(source)) == 8
    known.inputs = 3
    assert [len(gathering.pull(source)) for _ in range(3)] == [3, 3, 3]
    known.characters = 14
    assert [len(gathering.pull(source)) for _ in range(3)] == [2, 2, 2]


def test_what_count_tokens_raises_goes_up() -> None:
    def count(text: str) -> int:
        raise RuntimeError(f"no tokens of {text}")

    with pytest.raises(RuntimeError, match="no tokens of a"):
        Batches(["a", "b"], BatchSize(8, inf, 5, TokenCounter(count)))
    with pytest.raises(TypeError, match="count_tokens must return an int, not str"):
        Batches(["a"], BatchSize(8, inf, 5, TokenCounter(lambda text: "5")))  # type: ignore[arg-type, return-value]
