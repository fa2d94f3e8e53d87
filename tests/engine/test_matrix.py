"""The engine's matrix: one float32 block that numpy views without a copy, as it comes out of embed()."""

from __future__ import annotations

import base64
import gc
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text number {i}" for i in range(37)]


def matrix_of(client: PerformanceClient, dimensions: int = 24, **arguments: Any) -> Any:
    return client.embed(TEXTS, "m", dimensions=dimensions, batch_size=5, **arguments)._rows._matrix


def test_numpy_gives_a_copy_of_it(client: PerformanceClient) -> None:
    response = client.embed(TEXTS, "m", dimensions=24, batch_size=5)
    first, second = response.numpy(), response.numpy()
    assert first.dtype == numpy.float32 and first.shape == (37, 24)
    assert first.flags.c_contiguous and first.flags.writeable
    assert numpy.array_equal(first, embeddings(TEXTS, 24))
    first[:] = 0
    assert numpy.array_equal(second, embeddings(TEXTS, 24))
    assert numpy.array_equal(response.numpy(), embeddings(TEXTS, 24))


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_view(client: PerformanceClient, encoding: str | None) -> None:
    matrix = matrix_of(client, encoding_format=encoding)
    view = numpy.asarray(matrix)
    assert (matrix.rows, matrix.dim) == view.shape == (37, 24)
    assert view.dtype == numpy.float32 and view.flags.c_contiguous and view.flags.writeable and not view.flags.owndata
    expected = embeddings(TEXTS, 24)
    assert numpy.array_equal(view, expected)
    assert matrix.row(36) == expected[36].tolist()
    assert base64.b64decode(matrix.row_base64(36)) == expected[36].astype("<f4").tobytes()
    view[0, 0] = 7.0
    assert matrix.row(0)[0] == 7.0
    assert not gc.is_tracked(matrix.row(0))  # a collection would walk through all floats
    del matrix
    gc.collect()
    assert view[0, 0] == 7.0 and numpy.array_equal(view[1:], expected[1:])


def test_buffer_protocol(client: PerformanceClient) -> None:
    memory = memoryview(matrix_of(client))
    assert (memory.format, memory.itemsize, memory.ndim, memory.shape) == ("f", 4, 2, (37, 24))
    assert memory.strides == (96, 4) and memory.c_contiguous and not memory.readonly
    assert memory.nbytes == 37 * 24 * 4
    assert memory.tobytes() == embeddings(TEXTS, 24).tobytes()
    assert bytes(matrix_of(client)) == memory.tobytes()
    assert numpy.frombuffer(matrix_of(client), dtype="<f4").tolist() == embeddings(TEXTS, 24).ravel().tolist()


@pytest.mark.parametrize("row", [37, -1, 1 << 40, -(1 << 40)])
def test_rows_that_do_not_exist(client: PerformanceClient, row: int) -> None:
    matrix = matrix_of(client)
    for method in (matrix.row, matrix.row_base64):
        with pytest.raises(IndexError, match=f"row {row} of 37"):
            method(row)


def test_permute(client: PerformanceClient) -> None:
    matrix = matrix_of(client)
    expected = embeddings(TEXTS, 24)
    order = [3, 0, 4, 1, 2]
    matrix.permute(10, order)
    moved = expected.copy()
    for k, target in enumerate(order):
        moved[10 + target] = expected[10 + k]
    assert numpy.array_equal(numpy.asarray(matrix), moved)
    matrix.permute(36, [0])
    matrix.permute(0, [])
    for start, wrong in ((33, order), (-1, order), (37, [0]), (1 << 40, [0])):
        with pytest.raises(IndexError):
            matrix.permute(start, wrong)
    for wrong in ([0, 0], [0, 2], [1], [-1, 0], [0, 1, 1 << 40]):
        with pytest.raises(ValueError, match="not a permutation"):
            matrix.permute(0, wrong)
    assert numpy.array_equal(numpy.asarray(matrix), moved)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 1023, 4096])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_dimensions(client: PerformanceClient, dimensions: int, encoding: str) -> None:
    response = client.embed(TEXTS, "m", encoding, dimensions, batch_size=4, max_concurrent_requests=32)
    assert numpy.array_equal(response.numpy(), embeddings(TEXTS, dimensions))


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("fault", ["chunked", "gzip", "pretty", "shuffle", "index_last", "http10"])
def test_ways_of_arriving(server: Server, fault: str, encoding: str) -> None:
    client = PerformanceClient(server.faulty(**{fault: True}), "key")
    response = client.embed(TEXTS, "m", encoding, 100, batch_size=6)
    assert numpy.array_equal(response.numpy(), embeddings(TEXTS, 100))
    assert [item.index for item in response.data] == list(range(37))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_rows_after_a_cut_answer(server: Server, encoding: str) -> None:
    """A first attempt that wrote some of its rows and was cut leaves no trace."""
    retry = RequestProcessingPreference(max_retries=3, initial_backoff_ms=50, retry_budget_pct=3.0)
    for fault in ("truncate", "reset_body"):
        client = PerformanceClient(server.faulty(**{fault: True, "times": 1}), "key")
        response = client.embed(TEXTS, "m", encoding, 300, batch_size=6, preference=retry)
        assert numpy.array_equal(response.numpy(), embeddings(TEXTS, 300))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_ragged(server: Server, encoding: str) -> None:
    """The last vector of each batch, or of one, lacks its last number: nothing is lost, and numpy() tells."""
    expected = embeddings(TEXTS, 16).tolist()
    for faults, short in (({}, {4, 9, 14, 19, 24, 29, 34, 36}), ({"containing": "number 12"}, {14})):
        client = PerformanceClient(server.faulty(ragged=True, **faults), "key")
        response = client.embed(TEXTS, "m", encoding, 16, batch_size=5)
        for i, item in enumerate(response.data):
            found = item.embedding
            if isinstance(found, str):
                found = numpy.frombuffer(base64.b64decode(found), "<f4").tolist()
            assert found == (expected[i][:-1] if i in short else expected[i])
        message = f"Expected 16 but got 15 at index {min(short)}"
        with pytest.raises(ValueError, match=message):
            response.numpy()
