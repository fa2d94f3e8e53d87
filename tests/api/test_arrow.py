"""Embeddings as an Arrow array, by the PyCapsule protocol: their own memory, null where one is missing.

Without pyarrow, polars or nanoarrow, which not every system has, their tests are skipped.
"""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy
import pytest

from baseten_perf import OpenAIEmbeddingsResponse, PerformanceClient, RequestFailed
from baseten_perf.testing import Faults, Server

TEXTS = [f"text {i}" for i in range(20)]
TEXTS[9] = "bad"
MISSING = [8, 9, 10, 11]  # its batch
DIM = 384


@pytest.fixture
def pa() -> Any:
    return pytest.importorskip("pyarrow")


@pytest.fixture
def whole(client: PerformanceClient) -> Any:
    return client.embed(TEXTS, "m").numpy()


def faulty(server: Server, **faults: Any) -> PerformanceClient:
    return PerformanceClient(server.url + Faults(**faults).prefix, "key")


def partial(server: Server, **options: Any) -> OpenAIEmbeddingsResponse:
    client = faulty(server, containing='"bad"', status=404)
    return client.embed(TEXTS, "m", batch_size=4, return_exceptions=True, **options)  # type: ignore[return-value]


def matrix_of(array: Any) -> Any:
    """What a pyarrow array of fixed-size lists shows, without a copy."""
    return array.values.to_numpy(zero_copy_only=True).reshape(len(array), -1)


@pytest.mark.parametrize("encoding", [None, "base64"])
@pytest.mark.parametrize("fault", [{"chunked": True}, {"shuffle": True}, {"msgpack": True}])
def test_the_matrix_itself(server: Server, pa: Any, whole: Any, encoding: Any, fault: dict[str, Any]) -> None:
    response = faulty(server, **fault).embed(TEXTS, "m", encoding, batch_size=4)
    for column in (response.arrow(), response):
        array = pa.array(column)
        array.validate(full=True)
        assert array.type == pa.list_(pa.float32(), DIM) and array.null_count == 0 and len(array) == 20
        assert numpy.array_equal(matrix_of(array), whole)
        assert numpy.shares_memory(matrix_of(array), response.numpy(copy=False))
    assert len(response.arrow()) == 20
    assert repr(response.arrow()) == "<ArrowVectors: 20 of fixed_size_list<float32>[384], 0 null>"
    assert pa.DataType._import_from_c_capsule(response.__arrow_c_schema__()) == pa.list_(pa.float32(), DIM)
    requested = pa.list_(pa.float64()).__arrow_c_schema__()
    assert pa.Array._import_from_c_capsule(*response.__arrow_c_array__(requested)).type == array.type


def test_polars(server: Server, whole: Any) -> None:
    pl = pytest.importorskip("polars")
    series = pl.Series("vector", partial(server).arrow())
    assert series.dtype == pl.Array(pl.Float32, DIM)
    assert series.is_null().arg_true().to_list() == MISSING
    assert numpy.array_equal(series.drop_nulls().to_numpy(), numpy.delete(whole, MISSING, axis=0))


def test_nanoarrow(server: Server, whole: Any) -> None:
    array = pytest.importorskip("nanoarrow").Array(partial(server))
    assert len(array) == 20 and array.schema.list_size == DIM
    assert [value if value is None else numpy.float32(value[0]) for value in array.to_pylist()] == [
        None if i in MISSING else row[0] for i, row in enumerate(whole)
    ]


def test_missing_rows_are_null(server: Server, pa: Any, whole: Any) -> None:
    """Nothing of what their memory held before leaves the process with them."""
    response = partial(server)
    array = pa.array(response)
    array.validate(full=True)
    assert numpy.flatnonzero(array.is_null()).tolist() == MISSING and array.null_count == 4
    assert not matrix_of(array)[MISSING].any()
    assert numpy.array_equal(numpy.delete(matrix_of(array), MISSING, axis=0), numpy.delete(whole, MISSING, axis=0))
    assert pa.array(response).equals(array)

    with pytest.raises(RequestFailed) as raised:
        faulty(server, containing='"bad"', status=404).embed(TEXTS, "m", batch_size=4, max_concurrent_requests=1)
    array = pa.array(raised.value.response_partial)
    assert array.null_count == 12 and numpy.array_equal(matrix_of(array)[:8], whole[:8])


def test_nothing_has_arrived(server: Server) -> None:
    response = faulty(server, status=404).embed(TEXTS, "m", return_exceptions=True)
    for make in (response.arrow, response.__arrow_c_array__, response.__arrow_c_schema__):
        with pytest.raises(ValueError, match="all 20 embeddings are missing"):
            make()


def test_memory_of_the_caller_s(server: Server, pa: Any, whole: Any) -> None:
    out = numpy.full((20, DIM), -7, dtype=numpy.float32)
    array = pa.array(partial(server, out=out))
    assert numpy.shares_memory(matrix_of(array), out)
    assert (out[MISSING] == -7).all(), "rows without an answer stay untouched"
    assert array.null_count == 4 and numpy.array_equal(out[12:], whole[12:])


def test_embeddings_of_several_dimensions(server: Server) -> None:
    client = faulty(server, containing='"bad"', ragged=True)
    response = client.embed(TEXTS, "m", batch_size=4)
    with pytest.raises(ValueError, match="All embeddings must have the same dimension"):
        response.arrow()


def test_copies_of_a_response(server: Server, pa: Any) -> None:
    """From a pickle, and after an export; what is exported is no part of them."""
    response = partial(server)
    array = pa.array(response)
    for twin in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response), copy.copy(response)):
        assert twin == response
        assert pa.array(twin).equals(array)
    made = OpenAIEmbeddingsResponse.from_vectors([[1, 2], [3, 4]])
    assert pa.array(made).to_pylist() == [[1, 2], [3, 4]]
    none = OpenAIEmbeddingsResponse.from_vectors(numpy.zeros((2, 0)))
    assert pa.array(none).to_pylist() == [[], []]


def test_an_export_outlives_response_and_client(server: Server, pa: Any, whole: Any) -> None:
    client = PerformanceClient(server.url, "key")
    response = client.embed(TEXTS, "m")
    kept = weakref.ref(response)
    array = pa.array(response)
    part = array.slice(3, 2).flatten()
    client.close()
    del response, client, array
    gc.collect()
    assert kept() is None
    assert numpy.array_equal(part.to_numpy().reshape(2, DIM), whole[3:5])


def test_numpy_leaves_exported_memory_alone(client: PerformanceClient, pa: Any, whole: Any) -> None:
    """The array is the caller's alone, though nobody else holds the response."""
    held = [client.embed(TEXTS, "m")]
    array = pa.array(held[0])
    own = held.pop().numpy()
    own[:] = 0
    assert numpy.array_equal(matrix_of(array), whole)


def test_memory_is_held_until_the_export_is_released(client: PerformanceClient, pa: Any) -> None:
    class Array(numpy.ndarray):  # type: ignore[type-arg]
        """One that can be referred to weakly."""

    out = numpy.zeros((20, DIM), numpy.float32).view(Array)
    alive = weakref.ref(out)
    capsules = client.embed(TEXTS, "m", out=out).__arrow_c_array__()
    del out
    gc.collect()
    assert alive() is not None
    array = pa.Array._import_from_c_capsule(*capsules)
    del capsules
    gc.collect()
    assert alive() is not None and array.null_count == 0
    del array
    gc.collect()
    assert alive() is None


def test_items_of_streams(client: PerformanceClient, pa: Any, whole: Any) -> None:
    batches = list(client.iter_embed(iter(TEXTS), "m", batch_size=8))
    column = pa.chunked_array([pa.array(batch) for batch in batches])
    assert [chunk.type for chunk in column.chunks] == [pa.list_(pa.float32(), DIM)] * 3
    assert numpy.array_equal(numpy.vstack([matrix_of(chunk) for chunk in column.chunks]), whole)
    assert len(batches[2].arrow()) == 4


def test_it_is_no_column_of_texts(client: PerformanceClient) -> None:
    vectors: Any = client.embed(TEXTS, "m")
    with pytest.raises(TypeError, match="inputs must be a str or a sequence of str, not OpenAIEmbeddingsResponse"):
        client.classify(vectors)
