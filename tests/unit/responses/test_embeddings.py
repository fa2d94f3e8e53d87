"""OpenAIEmbeddingsResponse: lazy data, numpy(), odd batches, value semantics without the engine."""

from __future__ import annotations

import base64
import copy
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf.operations import Embed, Learned
from baseten_perf.policy import resolve
from baseten_perf.responses import OpenAIEmbeddingData, OpenAIEmbeddingsResponse
from baseten_perf.responses.float_rows import FloatRows

Make = Callable[..., Any]


def encoded(*values: float) -> str:
    return base64.b64encode(numpy.array(values, dtype="<f4").tobytes()).decode()


@pytest.fixture
def respond(completion: Make, matrix: Make) -> Make:
    """Make a response of batches of two inputs: per batch the items' embeddings, or those and vectors of its own."""

    def make(batches: list[Any], values: Any = None) -> OpenAIEmbeddingsResponse:
        block = None if values is None else matrix(values)
        parts = [batch if isinstance(batch, tuple) else (batch, None) for batch in batches]
        texts = ["x"] * sum(len(embeddings) for embeddings, _ in parts)
        operation = Embed(Learned(), texts, "m", *[None] * 6, resolve(batch_size=2))
        for index, (embeddings, vectors) in enumerate(parts):
            body = {"data": [{"embedding": embedding} for embedding in embeddings]}
            operation.accept(completion(body, index=index, vectors=vectors), block)
        return operation.response(1.5, block)

    return make


def test_data_is_lazy_and_cached(respond: Make) -> None:
    response = respond([[0, 1], [0]], [[1, 2], [3, 4], [5, 6]])
    assert response._data is None
    assert response.data is response.data and response.data[0] is response.data[0]
    item = response.data[2]
    assert item.embedding is item.embedding and item.embedding == [5.0, 6.0]
    assert all(type(value) is float for value in item.embedding)


def test_numpy_is_a_fresh_writable_block(respond: Make) -> None:
    response = respond([[0, 1], [-1]], [[1, 2], [3, 4], [5, 6]])
    array = response.numpy()
    assert type(array) is numpy.ndarray and array.dtype == numpy.float32 and array.shape == (3, 2)
    assert array.flags.c_contiguous and array.flags.writeable
    array[:] = 0
    assert response.numpy().tolist() == [[1, 2], [3, 4], [5, 6]]
    assert response.data[0].embedding == [1.0, 2.0]


def test_base64_is_shown_as_text_and_counted_as_vectors(respond: Make) -> None:
    response = respond([[-1, -2]], [[1, 2], [3, 4]])
    assert [item.embedding for item in response.data] == [encoded(1, 2), encoded(3, 4)]
    assert response.numpy().tolist() == [[1, 2], [3, 4]]


def test_mixed_forms(respond: Make) -> None:
    response = respond([[0, -2], [-1, 1]], [[1, 2], [3, 4], [7, 8.5], [9, 9]])
    assert [item.embedding for item in response.data] == [[1.0, 2.0], encoded(3, 4), encoded(7, 8.5), [9.0, 9.0]]
    assert response.numpy().tolist() == [[1, 2], [3, 4], [7, 8.5], [9, 9]]


def test_arrow_of_embeddings_that_lie_apart(respond: Make, vectors: Make) -> None:
    pa = pytest.importorskip("pyarrow")
    mixed = respond([[0, -2], ([0], vectors([7, 8.5]))], [[1, 2], [3, 4], [9, 9]])
    assert pa.array(mixed).to_pylist() == [[1, 2], [3, 4], [7, 8.5]]
    apart = respond([([0, 1], vectors([1], [2])), ([0], vectors([3]))])
    assert pa.array(apart).to_pylist() == [[1], [2], [3]]
    with pytest.raises(ValueError, match="found Base64 encoded embedding at index 1"):
        respond([[0, "@@"]], [[1, 2], [0, 0]]).arrow()


def test_ragged_batch_beside_the_matrix(respond: Make, vectors: Make) -> None:
    response = respond([[0, 1], ([0, -2], vectors([7], [8, 9, 10]))], [[1, 2], [3, 4], [0, 0], [0, 0]])
    assert [item.embedding for item in response.data] == [[1.0, 2.0], [3.0, 4.0], [7.0], encoded(8, 9, 10)]
    with pytest.raises(ValueError) as caught:
        response.numpy()
    assert str(caught.value) == "All embeddings must have the same dimension. Expected 2 but got 1 at index 2."


def test_ragged_batch_before_the_matrix(respond: Make, vectors: Make) -> None:
    response = respond([([0, 1], vectors([7], [8])), [0, 1]], [[0, 0], [0, 0], [1, 2], [3, 4]])
    assert response.data[3].embedding == [3.0, 4.0]
    with pytest.raises(ValueError, match="Expected 1 but got 2 at index 2"):
        response.numpy()


def test_all_batches_beside_the_matrix_but_of_one_dimension(respond: Make, vectors: Make) -> None:
    response = respond([([0, 1], vectors([1], [2])), ([0], vectors([3]))])
    assert response.numpy().tolist() == [[1], [2], [3]]


def test_text_that_is_no_base64(respond: Make) -> None:
    response = respond([[0, "@@"]], [[1, 2], [0, 0]])
    assert response.data[1].embedding == "@@"
    with pytest.raises(ValueError) as caught:
        response.numpy()
    assert str(caught.value) == (
        "Cannot convert to array: found Base64 encoded embedding at index 1. Only float vectors are supported."
    )
    with pytest.raises(ValueError, match="at index 0"):
        respond([["@@", 0]], [[1, 2], [0, 0]]).numpy()


def test_vectors_without_floats(respond: Make) -> None:
    response = respond([[0, 1]], numpy.zeros((2, 0)))
    assert response.numpy().shape == (2, 0) and response.data[0].embedding == []


def test_reprs_are_short_and_make_no_lists(respond: Make) -> None:
    response = respond([[0, -2], ["@@"]], [[1, 2], [3, 4], [0, 0]])
    assert repr(response) == (
        "OpenAIEmbeddingsResponse(data=<3 embeddings of dimension 2>, model='m', "
        "usage=OpenAIUsage(prompt_tokens=0, total_tokens=0), total_time=1.5)"
    )
    assert response._data is None
    assert [repr(item) for item in response.data] == [
        "OpenAIEmbeddingData(index=0, embedding=<2 floats>)",
        "OpenAIEmbeddingData(index=1, embedding=<base64>)",
        "OpenAIEmbeddingData(index=2, embedding=<base64>)",
    ]
    assert repr(OpenAIEmbeddingData([1.0], 5)) == "OpenAIEmbeddingData(index=5, embedding=<1 floats>)"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_duplicates(respond: Make, vectors: Make, duplicate: Any) -> None:
    response = respond(
        [[0, 1], ([0, -2], vectors([7], [8])), [0, "@@"]], [[1, 2], [3, 4], [0, 0], [0, 0], [9, 9], [0, 0]]
    )
    twin = duplicate(response)
    assert twin == response and hash(twin) == hash(response)
    assert [item.embedding for item in twin.data] == [item.embedding for item in response.data]
    assert twin.response_headers == [{"content-type": "application/json"}] * 3
    item = duplicate(response.data[1])
    assert item == response.data[1] and item.embedding == [3.0, 4.0] and hash(item) == hash(response.data[1])


def test_pickles_need_no_engine_and_give_arrays(respond: Make) -> None:
    response = respond([[0, 1], [-1]], [[1, 2], [3, 4], [5, 6]])
    pickled = pickle.dumps(response)
    assert b"FakeMatrix" not in pickled
    twin = pickle.loads(pickle.dumps(pickle.loads(pickled)))
    array = twin.numpy()
    assert array.tolist() == [[1, 2], [3, 4], [5, 6]] and array.flags.writeable and array.flags.owndata
    assert twin.data[2].embedding == encoded(5, 6)


def test_a_pickle_holds_no_rows_but_vectors(respond: Make, vectors: Make) -> None:
    """Rows that no item is in are of memory that was used before."""
    stale = numpy.frombuffer(b"OLD!", "<f4")[0]
    rows = [[1, 2], [stale, stale], [stale, stale], [stale, stale], [5, 6], [7, 8]]
    response = respond([[0, "@@"], ([0, -2], vectors([7], [8])), [0, 1]], rows)
    pickled = pickle.dumps(response)
    assert b"OLD!" not in pickled
    assert pickle.loads(pickled) == response


def test_a_pickle_holds_the_floats_once(respond: Make) -> None:
    response = respond([[0, 1]] * 50, numpy.ones((100, 64)))
    assert [item.embedding for item in response.data]
    assert len(pickle.dumps(response)) < 100 * 64 * 4 + 10_000


def test_equality_is_by_value(respond: Make) -> None:
    def make(value: float) -> Any:
        return respond([[0, 1]], [[1, 2], [3, value]])

    assert make(4) == make(4) != make(5)
    assert make(4).data == make(4).data != make(5).data
    assert make(4) != respond([[0, -2]], [[1, 2], [3, 4]]) and make(4) != 5


def test_attributes_are_read_only(respond: Make) -> None:
    response = respond([[0, 1]], [[1, 2], [3, 4]])
    for value in (response, response.data[0], response.usage):
        for name in ("data", "model", "usage", "embedding", "index", "prompt_tokens"):
            if hasattr(value, name):
                with pytest.raises(AttributeError):
                    setattr(value, name, 1)
        assert weakref.ref(value)() is value
    with pytest.raises(AttributeError):
        response.unknown = 1


def test_data_items_stay_small(respond: Make) -> None:
    assert sys.getsizeof(respond([[0, 1]], [[1], [2]]).data[0]) <= 80


def test_float_block() -> None:
    block = FloatRows(numpy.array([[1, 2], [3, 4]], dtype=numpy.float32).tobytes(), 2, 2)
    assert block.row(1) == [3.0, 4.0] and block.row_base64(0) == encoded(1, 2)
    assert FloatRows.of(block) is block
    with pytest.raises(TypeError):
        block.permute(0, [1, 0])
