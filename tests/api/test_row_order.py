"""Rows always belong to their inputs, whatever order a server answers in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import InvalidResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding, embeddings

TEXTS = [f"text number {i}" for i in range(250)]
EXPECTED = embeddings(TEXTS)


def check(response: Any) -> None:
    assert numpy.array_equal(response.numpy(), EXPECTED)
    assert [item.index for item in response.data] == list(range(len(TEXTS)))
    for i in (0, 7, 125, 249):
        assert response.data[i].embedding == EXPECTED[i].tolist()


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"shuffle": True},
        {"index_last": True},
        {"pretty": True},
        {"chunked": True},
        {"http10": True},
        {"early_hints": True},
        {"content_type": "text/plain"},
        {"missing": "index"},
        {"missing": "object+item_object"},
        {"shuffle": True, "index_last": True, "pretty": True, "chunked": True},
        {"body_latency": 0.02, "chunked": True, "shuffle": True},
        {"close_after": True},
    ],
    ids=str,
)
def test_every_form_of_the_same_answer(server: Server, faults: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(**faults), "k")
    check(client.embed(TEXTS, "m", batch_size=33, max_concurrent_requests=8))


@pytest.mark.parametrize("faults", [{}, {"shuffle": True, "chunked": True}], ids=str)
@pytest.mark.parametrize("batch_size", [1, 2, 64, 250, 1000])
def test_every_size_of_batch(server: Server, faults: dict[str, Any], batch_size: int) -> None:
    client = PerformanceClient(server.faulty(**faults), "k")
    check(client.embed(TEXTS, "m", batch_size=batch_size, max_concurrent_requests=32))


def test_answers_that_overtake_each_other(server: Server) -> None:
    # Every third request is slow, so batches end in another order than they began.
    client = PerformanceClient(server.faulty(latency=0.05, every=3), "k")
    check(client.embed(TEXTS, "m", batch_size=10, max_concurrent_requests=16))
    posted = client.batch_post("/x", list(range(100)), max_concurrent_requests=16)
    assert posted.data == list(range(100))
    groups = client.classify(TEXTS, batch_size=10, max_concurrent_requests=16)
    assert groups.data == PerformanceClient(server.url, "k").classify(TEXTS, batch_size=1000).data


def test_retries_do_not_move_rows(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, every=4), "k")
    preference = RequestProcessingPreference(batch_size=10, max_concurrent_requests=16, initial_backoff_ms=50)
    preference.max_chars_per_request = None
    check(client.embed(TEXTS, "m", preference=preference))


def test_async(server: Server) -> None:
    async def main() -> list[Any]:
        client = PerformanceClient(server.faulty(shuffle=True, latency=0.02, every=2), "k")
        return await asyncio.gather(
            *(client.async_embed(TEXTS, "m", batch_size=size, max_concurrent_requests=8) for size in (7, 64, 1))
        )

    for response in asyncio.run(main()):
        check(response)


@pytest.mark.parametrize("faults", [{"drop_item": True}, {"extra_item": True}], ids=str)
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.embed(TEXTS, "m", batch_size=50),
        lambda client: client.rerank("q", TEXTS, batch_size=50),
        lambda client: client.classify(TEXTS, batch_size=50),
    ],
    ids=["embed", "rerank", "classify"],
)
def test_a_wrong_number_of_items_is_an_error(server: Server, faults: dict[str, bool], call: Any) -> None:
    with pytest.raises(InvalidResponse, match=r"(49|51) items for 50 inputs|more vectors than inputs"):
        call(PerformanceClient(server.faulty(**faults), "k"))


def test_where_an_index_comes_twice_rows_stay_in_order(server: Server) -> None:
    client = PerformanceClient(server.faulty(duplicate_index=True), "k")
    check(client.embed(TEXTS, "m", batch_size=10))


def answering(httpserver: HTTPServer, indices: list[Any]) -> PerformanceClient:
    """A client of a server that gives item k of each answer the vector of text k and the index `indices[k]`."""

    def answer(request: Request) -> Response:
        texts = json.loads(request.data)["input"]
        items = [
            {"object": "embedding", "index": index, "embedding": embedding(text).tolist()}
            for index, text in zip(indices, texts, strict=True)
        ]
        return Response(json.dumps({"object": "list", "data": items, "model": "m"}))

    httpserver.expect_request("/v1/embeddings").respond_with_handler(answer)
    return PerformanceClient(httpserver.url_for(""), "k")


@pytest.mark.parametrize(
    "indices",
    [
        [0, 0, 0], [0, 0, 1], [2, None, 1], [True, False, 2], [2, 1, "x"], [2, 1, 0.5], [[2], {}, "0"],
        [1, 2, 3], [-1, 0, 1], [0, 1.0, "2"], [7, 70, 2**70],
    ],
    ids=str,
)  # fmt: skip
def test_rows_stay_in_order(httpserver: HTTPServer, indices: list[Any]) -> None:
    """Indices that tell nothing, and those that ascend from anywhere."""
    response = answering(httpserver, indices).embed(TEXTS[:3], "m")
    assert numpy.array_equal(response.numpy(), EXPECTED[:3])
    assert [item.index for item in response.data] == [0, 1, 2]


@pytest.mark.parametrize("indices", [[2, 0, 1], [9, 7, 8], [1, -1, 0], ["2", "0", "1"], [2.0, "0", 1]], ids=str)
def test_rows_follow_the_index(httpserver: HTTPServer, indices: list[Any]) -> None:
    response = answering(httpserver, indices).embed(TEXTS[:3], "m")
    # The server says that its first vector belongs to the third input.
    assert numpy.array_equal(response.numpy(), EXPECTED[[1, 2, 0]])
    assert [item.index for item in response.data] == [0, 1, 2]
    assert response.data[2].embedding == EXPECTED[0].tolist()
