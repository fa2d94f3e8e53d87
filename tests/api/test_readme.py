"""Every example of the reference client's README, as a program that reads what the example prints."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import ClassificationResponse, OpenAIEmbeddingsResponse, PerformanceClient, RerankResponse
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding, embeddings

pytestmark = pytest.mark.usefixtures("poller")


def check_times(response: Any, requests_made: int) -> None:
    assert isinstance(response.total_time, float)
    assert len(response.individual_request_times) == requests_made
    assert all(0.0 < seconds <= response.total_time for seconds in response.individual_request_times)
    assert response.individual_batch_request_times == response.individual_request_times


def test_synchronous_embedding(client: PerformanceClient) -> None:
    texts = ["Hello world", "Example text", "Another sample"]
    response = client.embed(input=texts, model="my_model", batch_size=4, max_concurrent_requests=32, timeout_s=360)
    assert isinstance(response, OpenAIEmbeddingsResponse)
    assert response.model == "my_model"
    assert response.usage.total_tokens == response.usage.prompt_tokens == 6
    check_times(response, 1)
    for i, embedding_data in enumerate(response.data):
        assert embedding_data.index == i
        assert embedding_data.object == "embedding"
        assert isinstance(embedding_data.embedding, list)
        assert len(embedding_data.embedding) == 384
        assert embedding_data.embedding == embedding(texts[i]).tolist()
    numpy_array = response.numpy()
    assert numpy_array.shape == (3, 384)
    assert numpy_array.dtype == numpy.float32
    assert numpy.array_equal(numpy_array, embeddings(texts))


def test_asynchronous_embedding(client: PerformanceClient) -> None:
    async def async_embed() -> OpenAIEmbeddingsResponse:
        texts = ["Async hello", "Async example"]
        return await client.async_embed(
            input=texts, model="my_model", batch_size=2, max_concurrent_requests=16, timeout_s=360
        )

    response = asyncio.run(async_embed())
    assert [item.index for item in response.data] == [0, 1]
    assert numpy.array_equal(response.numpy(), embeddings(["Async hello", "Async example"]))
    check_times(response, 1)


PAYLOADS = [
    {"model": "my_model", "input": ["Batch request sample 1"]},
    {"model": "my_model", "input": ["Batch request sample 2"]},
]


def check_batch_post(response: Any) -> None:
    check_times(response, 2)
    assert len(response.data) == len(response.response_headers) == 2
    triples = zip(response.data, response.response_headers, response.individual_request_times, strict=True)
    for i, (answer, headers, time_taken) in enumerate(triples):
        vector = numpy.array(answer["data"][0]["embedding"], dtype=numpy.float32)
        assert numpy.array_equal(vector, embedding(f"Batch request sample {i + 1}"))
        assert headers["content-type"] == "application/json"
        assert f"{time_taken:.4f}s"


def test_synchronous_batch_post(client: PerformanceClient) -> None:
    check_batch_post(
        client.batch_post(url_path="/v1/embeddings", payloads=PAYLOADS, max_concurrent_requests=96, timeout_s=360)
    )


def test_asynchronous_batch_post(client: PerformanceClient) -> None:
    async def async_batch_post_example() -> Any:
        return await client.async_batch_post(
            url_path="/v1/embeddings", payloads=PAYLOADS, max_concurrent_requests=4, timeout_s=360
        )

    check_batch_post(asyncio.run(async_batch_post_example()))


def test_synchronous_reranking(client: PerformanceClient) -> None:
    documents = ["Doc 1 text", "Doc 2 text", "Doc 3 text"]
    response = client.rerank(
        query="What is the best framework?",
        texts=documents,
        return_text=True,
        batch_size=2,
        max_concurrent_requests=16,
        timeout_s=360,
    )
    assert isinstance(response, RerankResponse)
    assert sorted(result.index for result in response.data) == [0, 1, 2]
    assert all(result.text == documents[result.index] for result in response.data)
    assert all(0.0 < result.score < 1.0 for result in response.data)
    check_times(response, 2)


def test_asynchronous_reranking(client: PerformanceClient) -> None:
    async def async_rerank() -> RerankResponse:
        return await client.async_rerank(
            query="Async query sample",
            texts=["Async doc1", "Async doc2"],
            return_text=True,
            batch_size=1,
            max_concurrent_requests=8,
            timeout_s=360,
        )

    response = asyncio.run(async_rerank())
    assert [(result.index, result.text) for result in response.data] == [(0, "Async doc1"), (1, "Async doc2")]
    check_times(response, 2)


def test_synchronous_classification(client: PerformanceClient) -> None:
    texts = ["This is great!", "I did not like it.", "Neutral experience."]
    response = client.classify(inputs=texts, batch_size=2, max_concurrent_requests=16, timeout_s=360)
    assert isinstance(response, ClassificationResponse)
    assert [group[0].label for group in response.data] == ["positive", "negative", "neutral"]
    assert all(0.0 < result.score < 1.0 for group in response.data for result in group)
    check_times(response, 2)


def test_asynchronous_classification(client: PerformanceClient) -> None:
    async def async_classify() -> ClassificationResponse:
        return await client.async_classify(
            inputs=["Async positive", "Async negative"], batch_size=1, max_concurrent_requests=8, timeout_s=360
        )

    response = asyncio.run(async_classify())
    assert [len(group) for group in response.data] == [3, 3]
    check_times(response, 2)


def test_http_error(server: Server) -> None:
    client = PerformanceClient(base_url=server.faulty(status=403), api_key="wrong")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.embed(
            input=["Hello world", "Another text example"],
            model="your_embedding_model",
            batch_size=2,
            max_concurrent_requests=4,
            timeout_s=60,
        )
    error = caught.value
    assert error.args[0] == 403
    assert f"An HTTP error occurred: {error}, code {error.args[0]}"
    assert error.response.status_code == 403
    assert error.response.json()["error"]["code"] == 403
    assert error.response.text == error.response.content.decode()


@pytest.mark.parametrize(
    "faulty",
    [
        lambda client: client.async_embed(["a"], "m"),
        lambda client: client.async_rerank("q", ["a"]),
        lambda client: client.async_classify(["a"]),
        lambda client: client.async_batch_post("/x", [1]),
    ],
)
def test_the_await_raises_the_same_errors(server: Server, faulty: Any) -> None:
    async def main(base_url: str) -> int:
        try:
            await faulty(PerformanceClient(base_url, "k"))
        except requests.exceptions.HTTPError as error:
            return int(error.args[0])
        return 0

    assert asyncio.run(main(server.faulty(status=404))) == 404


def test_value_errors(client: PerformanceClient, server: Server) -> None:
    with pytest.raises(ValueError, match="Input list cannot be empty"):
        client.embed(input=[], model="m")
    with pytest.raises(ValueError, match="batch_size must be"):
        client.embed(input=["a"], model="m", batch_size=0)
    with pytest.raises(ValueError, match="max_concurrent_requests must be"):
        client.embed(input=["a"], model="m", max_concurrent_requests=0)
    assert server.statistics().requests == 0


def test_sync_and_async_at_the_same_time(client: PerformanceClient) -> None:
    async def main() -> list[Any]:
        awaited = [client.async_embed([f"awaited {i}"], "m") for i in range(10)]
        blocking = await asyncio.gather(
            *(asyncio.to_thread(client.embed, [f"blocking {i}"], "m", batch_size=1) for i in range(10))
        )
        return [*await asyncio.gather(*awaited), *blocking]

    texts = [f"awaited {i}" for i in range(10)] + [f"blocking {i}" for i in range(10)]
    rows = [response.numpy()[0] for response in asyncio.run(main())]
    assert numpy.array_equal(numpy.array(rows), embeddings(texts))


def test_a_base_url_with_a_path(server: Server) -> None:
    client = PerformanceClient(base_url=f"{server.url}/environments/production/sync", api_key="k")
    client.embed(["a"], "m")
    client.rerank("q", ["a"])
    client.classify(["a"])
    assert [request.target for request in server.requests()] == [
        "/environments/production/sync/v1/embeddings",
        "/environments/production/sync/rerank",
        "/environments/production/sync/predict",
    ]
