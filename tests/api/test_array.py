"""Vectors as arrays: numpy(copy=, missing=), numpy.asarray(response), and responses made of vectors."""

from __future__ import annotations

import asyncio
import gc
import pickle
from typing import Any

import numpy
import pytest

import baseten_perf
from baseten_perf import OpenAIEmbeddingsResponse, OpenAIUsage, PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(40)]
EXPECTED = embeddings(TEXTS)


@pytest.fixture(params=["float", "base64"])
def response(request: pytest.FixtureRequest, server: Server) -> OpenAIEmbeddingsResponse:
    return PerformanceClient(server.url, "k").embed(TEXTS, "m", request.param, batch_size=7)


def test_its_own_memory(response: OpenAIEmbeddingsResponse) -> None:
    first, second = response.numpy(copy=False), response.numpy(copy=False)
    assert numpy.shares_memory(first, second)
    assert (first.dtype, first.shape, first.flags.c_contiguous) == (numpy.float32, (40, 384), True)
    assert numpy.array_equal(first, EXPECTED)
    # Others read the same memory.
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1.0
    for copy in (None, True):
        private = response.numpy(copy=copy)
        assert not numpy.shares_memory(first, private) and private.flags.writeable
        private[:] = 0.0
    assert numpy.array_equal(first, EXPECTED)


def test_its_own_memory_outlives_it(response: OpenAIEmbeddingsResponse) -> None:
    held = [response]
    array = held[0].numpy(copy=False)
    del response, held
    gc.collect()
    assert numpy.array_equal(array, EXPECTED)


def test_memory_that_somebody_looks_at_is_not_given_away(server: Server) -> None:
    held = [PerformanceClient(server.url, "k").embed(TEXTS, "m")]
    view = held[0].numpy(copy=False)
    array = held.pop().numpy()
    assert not numpy.shares_memory(view, array)
    array[:] = 0.0
    assert numpy.array_equal(view, EXPECTED)


def test_asarray(response: OpenAIEmbeddingsResponse) -> None:
    shared = numpy.asarray(response)
    assert numpy.array_equal(shared, EXPECTED) and numpy.shares_memory(shared, response.numpy(copy=False))
    copied = numpy.array(response)
    assert numpy.array_equal(copied, EXPECTED) and not numpy.shares_memory(copied, shared) and copied.flags.writeable
    double = numpy.asarray(response, dtype=numpy.float64)
    assert double.dtype == numpy.float64 and numpy.array_equal(double, EXPECTED)
    assert numpy.array_equal(numpy.concatenate([response, response]), numpy.concatenate([EXPECTED] * 2))  # type: ignore[arg-type]
    assert response.__array__(numpy.dtype("f4"), copy=False).base is not None
    with pytest.raises(ValueError, match=r"'f8' is a copy, which copy=False forbids$"):
        response.__array__("f8", copy=False)


def test_vectors_that_do_not_lie_in_one_block(server: Server) -> None:
    client = PerformanceClient(server.faulty(ragged=True, containing="text 4\""), "k")
    response = client.embed(TEXTS[:5], "m", batch_size=2, dimensions=1)
    with pytest.raises(ValueError, match="do not lie in one block of memory"):
        response.numpy(copy=False)
    with pytest.raises(ValueError, match="Expected 1 but got 0 at index 4"):
        numpy.asarray(response)


def test_pickled(response: OpenAIEmbeddingsResponse) -> None:
    twin = pickle.loads(pickle.dumps(response))
    shared = twin.numpy(copy=False)
    assert numpy.shares_memory(shared, numpy.asarray(twin)) and numpy.array_equal(shared, EXPECTED)
    assert not shared.flags.writeable and twin.numpy().flags.writeable
    assert not numpy.shares_memory(twin.numpy(copy=True), shared)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"copy": 1}, TypeError, "copy must be a bool or None, not int"),
        ({"copy": "never"}, TypeError, "copy must be a bool or None, not str"),
        ({"missing": "zero"}, ValueError, 'missing must be "raise" or "nan", not \'zero\''),
        ({"missing": None}, ValueError, 'missing must be "raise" or "nan", not None'),
    ],
)
def test_wrong_options(response: OpenAIEmbeddingsResponse, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        response.numpy(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("vectors", [[[1, 2], [3.5, 4], [0, -1]], numpy.array([[1, 2], [3.5, 4], [0, -1]])], ids=type)
def test_a_response_of_vectors(vectors: Any) -> None:
    response = OpenAIEmbeddingsResponse.from_vectors(vectors, model="m", usage=OpenAIUsage(3, 4))
    assert [item.embedding for item in response.data] == [[1.0, 2.0], [3.5, 4.0], [0.0, -1.0]]
    assert [(item.index, item.object) for item in response.data] == [(i, "embedding") for i in range(3)]
    assert response.numpy().tolist() == numpy.asarray(response).tolist() == [[1, 2], [3.5, 4], [0, -1]]
    assert (response.model, response.object, response.usage) == ("m", "list", OpenAIUsage(3, 4))
    assert (response.total_time, response.individual_request_times, response.response_headers) == (0.0, [0.0], [{}])
    assert response == OpenAIEmbeddingsResponse.from_vectors(vectors, "m", OpenAIUsage(3, 4))
    assert response != OpenAIEmbeddingsResponse.from_vectors(numpy.asarray(vectors) + 1, "m", OpenAIUsage(3, 4))
    assert pickle.loads(pickle.dumps(response)) == response
    if isinstance(vectors, numpy.ndarray):
        vectors[:] = 7
        assert response.data[0].embedding == [1.0, 2.0]


@pytest.mark.parametrize("vectors", [[], [1.0, 2.0], [[[1.0]]], numpy.zeros((0, 3)), [[1.0], [1.0, 2.0]], [["a"]]])
def test_what_is_no_vectors(vectors: Any) -> None:
    with pytest.raises(ValueError):
        OpenAIEmbeddingsResponse.from_vectors(vectors)


def test_wrong_arguments_of_a_response_of_vectors() -> None:
    with pytest.raises(TypeError, match="model"):
        OpenAIEmbeddingsResponse.from_vectors([[1.0]], 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="usage"):
        OpenAIEmbeddingsResponse.from_vectors([[1.0]], usage=(1, 2))  # type: ignore[arg-type]


def test_a_program_s_stand_in_for_the_client() -> None:
    """What `from_vectors` is for."""
    from unittest.mock import create_autospec

    client = create_autospec(PerformanceClient, instance=True)
    client.embed.return_value = OpenAIEmbeddingsResponse.from_vectors([[1.0, 0.0]])
    assert client.embed(["a"], "m").numpy().tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("name", [name for name in baseten_perf.__all__ if name[0].isupper()])
def test_every_public_property_has_a_docstring(name: str) -> None:
    for owner in getattr(baseten_perf, name).__mro__:
        if owner.__module__.startswith("baseten_perf"):
            for attribute, value in vars(owner).items():
                if isinstance(value, property) and not attribute.startswith("_"):
                    assert value.__doc__, f"{owner}.{attribute}"


def test_asyncio(server: Server) -> None:
    async def main() -> Any:
        return numpy.asarray(await PerformanceClient(server.url, "k").async_embed(TEXTS, "m"))

    assert numpy.array_equal(asyncio.run(main()), EXPECTED)
