"""Token counts: by the caller's tokeniser, by size, and what answers teach."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy
import pytest

from baseten_perf.operations.token_count import TokenCounter


def words(text: str) -> int:
    return len(text.split())


def test_without_a_tokeniser_four_bytes_are_a_token() -> None:
    counter = TokenCounter()
    assert counter.estimate("") == 0
    assert counter.estimate("a" * 9) == 3
    assert counter.estimate("é" * 8) == 4  # bytes of UTF-8, not characters
    assert counter.estimate(b"12345678") == 2
    assert counter.expect(["a" * 8, "é" * 4]).tokens == 4


def test_answers_correct_it_however_many_were_under_way() -> None:
    """What was expected before the first answer must not be corrected by each of them anew."""
    counter = TokenCounter()
    under_way = [counter.expect(["a" * 400]) for _ in range(100)]
    for each in under_way:
        assert each.tokens == 100
        counter.correct(each, 250)
        assert counter.ratio == pytest.approx(2.5)
    assert counter.estimate("a" * 4) == 3
    assert counter.expect(["a" * 400]).tokens == 250


def test_token_ids_and_a_tokeniser_are_exact_and_learn_nothing() -> None:
    counter = TokenCounter(words)
    assert counter.expect(["one two", b"three", [1, 2, 3, 4]]).tokens == 7
    counter.correct(counter.expect(["one two"]), 50)
    assert counter.estimate("one two") == 2

    counter = TokenCounter()
    counter.correct(counter.expect([[1, 2, 3]]), 50)
    assert counter.ratio == 1.0
    counter.correct(counter.expect(["a" * 4]), 3)
    assert counter.estimate([1, 2, 3]) == 3


@pytest.mark.parametrize(
    ("count", "error", "message"),
    [
        (1.5, TypeError, "count_tokens must return an int, not float"),
        (None, TypeError, "count_tokens must return an int, not NoneType"),
        (True, TypeError, "count_tokens must return an int, not bool"),
        (-1, ValueError, "count_tokens must return at least 0, not -1"),
    ],
)
def test_what_is_no_number_of_tokens_is_refused(count: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        TokenCounter(lambda text: count).estimate("text")
    assert str(raised.value) == message


def test_integers_of_numpy_are_numbers_and_strings_are_no_tokenisers() -> None:
    assert TokenCounter(lambda text: numpy.int64(3)).estimate("text") == 3  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="count_tokens must be a callable or None, not str"):
        TokenCounter("cl100k_base")  # type: ignore[arg-type]


def test_copies_are_the_counter_and_a_pickle_is_another() -> None:
    counter = TokenCounter()
    counter.correct(counter.expect(["a" * 4]), 2)
    assert copy.copy(counter) is counter and copy.deepcopy([counter])[0] is counter
    assert pickle.loads(pickle.dumps(counter)).ratio == 1.0
    assert pickle.loads(pickle.dumps(TokenCounter(words))).estimate("one two") == 2
