"""How inputs are cut into batches."""

from __future__ import annotations

import pytest

from baseten_perf.operations.batching import Batches
from baseten_perf.policy import RequestProcessingPreference as Preference
from baseten_perf.policy import resolve


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
