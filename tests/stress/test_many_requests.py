"""Ten thousand small requests: in one call, in many calls at once, in threads; every answer belongs to its request."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

COUNT = 10_000


def test_in_one_call(server: Server, client: PerformanceClient, poller: str) -> None:
    client = PerformanceClient(server.url, "key")
    payloads = [{"number": i} for i in range(COUNT)]
    response = client.batch_post("/same", payloads, max_concurrent_requests=128)
    assert response.data == payloads
    assert len(response.individual_request_times) == len(response.response_headers) == COUNT
    statistics = server.statistics()
    assert statistics.requests == COUNT
    assert statistics.peak_concurrent_requests <= 128
    assert statistics.connections_opened <= 128


def test_in_one_asynchronous_call(client: PerformanceClient) -> None:
    async def call() -> None:
        payloads = list(range(COUNT))
        assert (await client.async_batch_post("/same", payloads, max_concurrent_requests=128)).data == payloads

    asyncio.run(asyncio.wait_for(call(), 60))


def test_in_as_many_calls(server: Server, client: PerformanceClient) -> None:
    async def calls() -> None:
        for start in range(0, COUNT, 2000):
            numbers = range(start, start + 2000)
            answers = await asyncio.gather(*(client.async_batch_post("/same", [i]) for i in numbers))
            assert [answer.data for answer in answers] == [[i] for i in numbers]

    asyncio.run(asyncio.wait_for(calls(), 60))
    assert server.statistics().requests == COUNT


def test_in_threads(server: Server, client: PerformanceClient) -> None:
    def use(number: int) -> None:
        for turn in range(25):
            payloads = [[number, turn, i] for i in range(25)]
            assert client.batch_post("/same", payloads, max_concurrent_requests=8).data == payloads

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(use, number) for number in range(16)]:
            future.result(60)
    assert server.statistics().requests == COUNT


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_rows(client: PerformanceClient, encoding: str) -> None:
    """One text in a request: as many requests as rows, which all land where they belong."""
    texts = [f"text number {i}" for i in range(3000)]
    expected = embeddings(texts, 16)
    response = client.embed(texts, "m", encoding, 16, batch_size=1, max_concurrent_requests=128)
    assert numpy.array_equal(response.numpy(), expected)
    sampled = [response.data[i] for i in range(0, 3000, 97)]
    assert [item.index for item in sampled] == list(range(0, 3000, 97))
    if encoding == "float":
        assert [item.embedding for item in sampled] == [expected[i].tolist() for i in range(0, 3000, 97)]


def test_large_bodies_and_answers(client: PerformanceClient) -> None:
    """Bodies beyond what is serialised ahead at once, answers beyond what is copied."""
    payloads = [{"number": i, "text": chr(97 + i % 26) * 200_000} for i in range(150)]
    assert client.batch_post("/same", payloads, max_concurrent_requests=16).data == payloads

    async def calls() -> None:
        answers = await asyncio.gather(*(client.async_batch_post("/same", payloads[i::4]) for i in range(4)))
        for i, answer in enumerate(answers):
            assert answer.data == payloads[i::4]

    asyncio.run(asyncio.wait_for(calls(), 60))
