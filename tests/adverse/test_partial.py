"""e.partial: the answers that did arrive, aligned with the inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import APIConnectionError, InvalidResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding

TEXTS = [f"text {i}" for i in range(50)]
# One request after the other: when the last one fails, the others have arrived.
PREFERENCE = RequestProcessingPreference(max_concurrent_requests=1, batch_size=8, max_retries=0)


@pytest.fixture(params=[{"status": 400}, {"reset": True}, {"not_json": True}], ids=str)
def failing(request: pytest.FixtureRequest, server: Server) -> PerformanceClient:
    """A client of a server that fails on the last of TEXTS."""
    return PerformanceClient(server.faulty(containing="text 49", **request.param), "k")


def partial_of(call: Callable[[], Any]) -> list[Any]:
    with pytest.raises((requests.exceptions.HTTPError, APIConnectionError, InvalidResponse)) as caught:
        call()
    assert caught.value.batch_index == 6  # type: ignore[union-attr]
    partial: list[Any] = caught.value.partial  # type: ignore[union-attr]
    assert len(partial) == 50
    assert partial[48:] == [None, None]
    return partial[:48]


def test_embed(failing: PerformanceClient) -> None:
    for i, item in enumerate(partial_of(lambda: failing.embed(TEXTS, "m", preference=PREFERENCE))):
        assert item.index == i
        assert item.embedding == embedding(TEXTS[i]).tolist()


def test_embed_base64(failing: PerformanceClient) -> None:
    for i, item in enumerate(partial_of(lambda: failing.embed(TEXTS, "m", "base64", preference=PREFERENCE))):
        assert isinstance(item.embedding, str)
        assert item.index == i


def test_rerank(failing: PerformanceClient, server: Server) -> None:
    whole = PerformanceClient(server.url, "k").rerank("q", TEXTS, return_text=True, preference=PREFERENCE).data
    partial = partial_of(lambda: failing.rerank("q", TEXTS, return_text=True, preference=PREFERENCE))
    # In each batch the server's order, as in a response: but never out of the batch's span.
    assert partial == whole[:48]
    assert all(result.index // 8 == i // 8 for i, result in enumerate(partial))


def test_classify(failing: PerformanceClient, server: Server) -> None:
    whole = PerformanceClient(server.url, "k").classify(TEXTS, preference=PREFERENCE).data
    assert partial_of(lambda: failing.classify(TEXTS, preference=PREFERENCE)) == whole[:48]


def test_batch_post(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="text 6"), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.batch_post("/x", TEXTS[:8], PREFERENCE)
    assert caught.value.partial == [*TEXTS[:6], None, None]  # type: ignore[attr-defined]
    assert caught.value.batch_index == 6  # type: ignore[attr-defined]


def test_async(failing: PerformanceClient) -> None:
    async def main() -> Any:
        return await failing.async_embed(TEXTS, "m", preference=PREFERENCE)

    assert all(item is not None for item in partial_of(lambda: asyncio.run(main())))


@pytest.mark.usefixtures("poller")
def test_time_outs(server: Server) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="text 49"), "k")
    preference = RequestProcessingPreference(max_concurrent_requests=1, batch_size=8, max_retries=0, timeout_s=0.5)
    with pytest.raises(requests.exceptions.Timeout) as caught:
        client.embed(TEXTS, "m", preference=preference)
    partial = caught.value.partial  # type: ignore[attr-defined]
    vectors = numpy.array([item.embedding for item in partial[:48]], dtype=numpy.float32)
    assert numpy.array_equal(vectors, [embedding(text) for text in TEXTS[:48]])
    assert partial[48:] == [None, None]


def test_it_outlives_the_client(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="text 49"), "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.embed(TEXTS, "m", preference=PREFERENCE)
    del client
    assert caught.value.partial[3].embedding == embedding("text 3").tolist()  # type: ignore[attr-defined]
