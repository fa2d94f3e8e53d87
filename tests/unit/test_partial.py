"""Partial: a sequence equal to the list that is made when it is first read."""

from __future__ import annotations

import copy
import pickle
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from baseten_perf.exceptions import RequestFailed
from baseten_perf.partial import Partial, attach


class Counting:
    """An operation of three requests that counts what it is asked for; an answer of -1 cannot be used."""

    def __init__(self) -> None:
        self.answers: list[Any] = [None, None, None]
        self.lists = 0

    def accept(self, completion: Any, matrix: Any) -> None:
        number, answer = completion
        if answer == -1:
            raise ValueError
        self.answers[number] = (answer, matrix)

    def response(self, total_time: float, matrix: Any) -> Any:
        self.lists += 1
        return SimpleNamespace(data=self.answers, total_time=total_time)


def partial(operation: Counting, *arrived: Any, matrix: Any = "m") -> Partial:
    return Partial(operation, deque(arrived), matrix, 1.5)


def test_nothing_is_done_before_it_is_read() -> None:
    operation = Counting()
    made = partial(operation, (2, 5), (0, 4))
    assert operation.lists == 0 and operation.answers == [None] * 3
    assert made == [(4, "m"), None, (5, "m")] and made[2] == (5, "m") and made[-3:] == made.listed()
    assert len(made) == 3 and list(made) == [*made] == [(4, "m"), None, (5, "m")]
    assert (5, "m") in made and made.index(None) == 1 and made.count(None) == 1
    assert operation.lists == 1
    assert made.listed() is made.listed() is made.response().data and made.response().total_time == 1.5


def test_an_answer_that_cannot_be_used() -> None:
    assert partial(Counting(), (0, 1), (1, -1), (2, 3)) == [(1, "m"), None, (3, "m")]


def test_the_operation_is_let_go() -> None:
    import sys

    operation = Counting()
    made = partial(operation)
    held = sys.getrefcount(operation)
    assert made.listed() == [None] * 3
    assert sys.getrefcount(operation) == held - 1


def test_comparison_and_repr() -> None:
    assert partial(Counting()) == partial(Counting()) == [None] * 3
    assert partial(Counting()) != [None] * 2 and partial(Counting()) != (None, None, None)
    assert repr(partial(Counting(), (0, 1))) == "[(1, 'm'), None, None]"
    with pytest.raises(TypeError):
        hash(partial(Counting()))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_lists(duplicate: Any) -> None:
    twin = duplicate(partial(Counting(), (0, 1)))
    assert type(twin) is list and twin == [(1, "m"), None, None]


def test_attach() -> None:
    class Closed(Exception):
        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(name)

    made = partial(Counting())
    for exception in (KeyboardInterrupt(), SystemExit(1), Closed()):
        attach(exception, made)
        assert getattr(exception, "partial", None) is (None if isinstance(exception, Closed) else made)
    ours = RequestFailed("it has its own")
    attach(ours, made)
    assert ours.partial == []
