"""numpy() of a response that nobody else holds gives its memory away; as long as somebody can read it, it must not."""

from __future__ import annotations

import functools
import operator
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf.operations import Embed, Learned
from baseten_perf.policy import resolve
from baseten_perf.responses import OpenAIEmbeddingsResponse
from baseten_perf.responses.references import OF_A_TEMPORARY

Make = Callable[..., Any]
VALUES = [[1.0, 2.0], [3.0, 4.0]]


class Source:
    """Makes one response after another on the same matrix."""

    def __init__(self, completion: Make, matrix: Make) -> None:
        self._completion = completion
        self.matrix = matrix(VALUES)

    def response(self) -> OpenAIEmbeddingsResponse:
        operation = Embed(Learned(), ["x", "y"], "m", *[None] * 6, resolve(batch_size=2))
        operation.accept(self._completion({"data": [{"embedding": 0}, {"embedding": 1}]}, index=0), self.matrix)
        response: OpenAIEmbeddingsResponse = operation.response(1.0, self.matrix)
        return response

    def shares(self, array: Any) -> bool:
        assert array.tolist() == VALUES and array.flags.writeable and array.dtype == numpy.float32
        return numpy.shares_memory(array, self.matrix)


@pytest.fixture
def source(completion: Make, matrix: Make) -> Source:
    return Source(completion, matrix)


@pytest.mark.skipif(not (3, 11) <= sys.version_info < (3, 14), reason="who holds an object cannot be told")
def test_the_last_reader_gets_the_memory(source: Source) -> None:
    assert OF_A_TEMPORARY
    # Not inside an assert, where pytest holds what it may have to show.
    array = source.response().numpy()
    assert source.shares(array)
    held = [source.response()]
    array = held.pop().numpy()
    assert source.shares(array)
    array = source.response().numpy(missing="nan")
    assert source.shares(array)
    array = source.response().numpy(copy=True)
    assert not source.shares(array)


def test_a_response_in_a_variable_is_copied(source: Source) -> None:
    response = source.response()
    for _ in range(100):  # also when the interpreter has specialised this
        assert not source.shares(response.numpy())
        assert not source.shares(response.numpy(copy=None, missing="nan"))
        assert not source.shares(OpenAIEmbeddingsResponse.numpy(response, missing="nan"))


class Holder:
    response: Any


held_globally: Any = None


def test_a_response_that_is_held_anywhere_is_copied(source: Source) -> None:
    global held_globally
    holder, items, mapping = Holder(), [source.response()], {"key": source.response()}
    holder.response = source.response()
    held_globally = source.response()
    enclosed = source.response()

    def of_an_argument(response: OpenAIEmbeddingsResponse) -> Any:
        return response.numpy()

    def of_a_closure() -> Any:
        return enclosed.numpy()

    def of_a_default(response: OpenAIEmbeddingsResponse = enclosed) -> Any:
        return response.numpy()

    for _ in range(100):
        assert not source.shares(holder.response.numpy())
        assert not source.shares(items[0].numpy())
        assert not source.shares(mapping["key"].numpy())
        assert not source.shares(held_globally.numpy())
        assert not source.shares(of_an_argument(items[0]))
        assert not source.shares(of_a_closure())
        assert not source.shares(of_a_default())
        assert not source.shares(operator.methodcaller("numpy")(items[0]))
        assert not source.shares(next(map(OpenAIEmbeddingsResponse.numpy, items)))
        assert not source.shares(functools.partial(OpenAIEmbeddingsResponse.numpy, items[0])())
        assert not source.shares((lambda: items)()[0].numpy())
    held_globally = None


def test_callables_hold_their_response(source: Source) -> None:
    method = source.response().numpy
    assert not source.shares(method()) and not source.shares(method())
    function = functools.partial(OpenAIEmbeddingsResponse.numpy, source.response())
    array = function()
    assert not source.shares(array)
    array = function()
    assert not source.shares(array)


def test_a_weak_reference_does_not_hold_it(source: Source) -> None:
    response = source.response()
    weak = weakref.ref(response)
    assert not source.shares(weak().numpy())  # type: ignore[union-attr]
    del response
    assert weak() is None


def test_items_and_their_list_hold_the_rows(source: Source) -> None:
    responses = [source.response(), source.response()]
    item = responses[-1].data[0]
    array = responses.pop().numpy()
    assert not source.shares(array)
    array[:] = 0
    assert item.embedding == VALUES[0]
    data = responses[-1].data
    assert not source.shares(responses.pop().numpy())
    assert [each.embedding for each in data] == VALUES
