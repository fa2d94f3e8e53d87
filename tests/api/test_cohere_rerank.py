"""rerank(api="cohere") and top_n: what is sent, every form in which servers answer, and the best of all batches."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Literal

import numpy
import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import InvalidResponse, PerformanceClient, RerankResponse, RerankResult
from baseten_perf.testing import Server
from baseten_perf.testing.ranking import rerank_scores

TEXTS = [f"text {i} of ä words" for i in range(30)]
SCORES = rerank_scores("many words", TEXTS, raw_scores=False)
BEST = sorted(range(30), key=lambda i: (-SCORES[i], i))


def bodies(server: Server) -> list[dict[str, Any]]:
    """What was sent, in the order of the batches."""
    sent = [json.loads(request.body) for request in server.requests()]
    return sorted(sent, key=lambda body: TEXTS.index((body.get("documents") or body.get("texts"))[0]))


@pytest.mark.parametrize("root", ["", "/infinity"])
def test_batches_are_those_of_tei(server: Server, root: str) -> None:
    client = PerformanceClient(server.url + root, "k")
    tei = client.rerank("many words", TEXTS, batch_size=7, return_text=True)
    cohere = client.rerank("many words", TEXTS, batch_size=7, return_text=True, api="cohere")
    assert cohere.data == tei.data
    assert [result.text for result in cohere.data] == [TEXTS[result.index] for result in cohere.data]
    assert cohere.scores().tolist() == SCORES.tolist()
    assert server.statistics().requests_by_path == {f"{root}/rerank": 5, f"{root}/v1/rerank": 5}
    without = client.rerank("many words", TEXTS, batch_size=7, api="cohere")
    assert {result.text for result in without.data} == {None}


def test_bodies(client: PerformanceClient, server: Server) -> None:
    client.rerank("q", ["a", "b"], api="cohere")
    client.rerank("q", ["a"], model="m", return_text=True, api="cohere", top_n=1)
    assert [request.body for request in server.requests()] == [
        b'{"query":"q","documents":["a","b"],"return_documents":false}',
        b'{"query":"q","model":"m","documents":["a"],"return_documents":true}',
    ]


def test_path_and_further_members(client: PerformanceClient, server: Server) -> None:
    further = {"use_activation": False, "return_documents": True, "model": "other"}
    client.rerank("q", ["a", "b"], model="m", api="cohere", top_n=1, url_path="/v2/rerank", extra_body=further)
    (request,) = server.requests()
    assert request.path == "/v2/rerank"
    assert json.loads(request.body) == {"query": "q", "documents": ["a", "b"], "top_n": 1, **further}
    for name in ("query", "documents", "texts", "top_n"):
        with pytest.raises(ValueError, match=f"extra_body must not hold '{name}'"):
            client.rerank("q", ["a"], api="cohere", extra_body={name: 1})


def test_top_n_is_sent_where_it_saves_something(client: PerformanceClient, server: Server) -> None:
    client.rerank("q", TEXTS, batch_size=14, api="cohere", top_n=2)
    assert [body.get("top_n") for body in bodies(server)] == [2, 2, None]
    assert server.requests()[0].body.endswith(b'],"top_n":2,"return_documents":false}')
    server.reset()
    client.rerank("q", TEXTS, batch_size=14, top_n=2)
    assert not any("top_n" in body for body in bodies(server))


@pytest.mark.parametrize("api", ["tei", "cohere"])
@pytest.mark.parametrize("top_n", [1, 3, 7, 29, 30, 1 << 70])
def test_top_n_gives_the_best_of_all_batches(client: PerformanceClient, api: Any, top_n: int) -> None:
    response = client.rerank("many words", TEXTS, batch_size=7, return_text=True, api=api, top_n=top_n)
    expected = [RerankResult(i, SCORES[i], TEXTS[i]) for i in BEST[:top_n]]
    assert response.data == expected
    scores = response.scores()
    assert scores.shape == (30,)
    assert [scores[i] for i in BEST[:top_n]] == [SCORES[i] for i in BEST[:top_n]]
    assert numpy.isnan(scores).sum() == max(0, 30 - top_n)


def test_without_top_n_there_is_no_sorting_across_batches(client: PerformanceClient) -> None:
    found = [result.index for result in client.rerank("many words", TEXTS, batch_size=7, api="cohere").data]
    assert [sorted(found[at : at + 7]) for at in range(0, 30, 7)] == [
        list(range(at, min(at + 7, 30))) for at in range(0, 30, 7)
    ]


def test_async(client: PerformanceClient) -> None:
    async def main() -> RerankResponse:
        return await client.async_rerank("many words", TEXTS, batch_size=7, api="cohere", top_n=numpy.int64(2))

    assert [result.index for result in asyncio.run(main()).data] == BEST[:2]


def answering(httpserver: HTTPServer, answer: Any) -> PerformanceClient:
    httpserver.expect_request("/v1/rerank").respond_with_json(answer)
    return PerformanceClient(httpserver.url_for(""), "k")


# As the servers write it, down to what nobody reads.
COHERE = {
    "id": "07734bd2",
    "results": [
        {"document": {"text": "b"}, "index": 1, "relevance_score": 0.99},
        {"document": {"text": "a"}, "index": 0, "relevance_score": 7.8e-6},
    ],
    "meta": {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}},
}
BARE = [{"index": 1, "relevance_score": 0.99}, {"index": 0, "relevance_score": 7.8e-6}]
ANSWERS = {
    "cohere": COHERE,
    "cohere without documents": {**COHERE, "results": BARE},
    "jina": {"model": "jina", "object": "list", "usage": {"total_tokens": 38}, "results": COHERE["results"]},
    "vllm": {
        "id": "rerank-1", "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4},
        "results": [
            {"index": 1, "document": {"text": "b", "multi_modal": None}, "relevance_score": 0.99},
            {"index": 0, "document": {"text": "a", "multi_modal": None}, "relevance_score": 7.8e-6},
        ],
    },
    "infinity": {
        "object": "rerank", "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}, "id": "infinity-1",
        "created": 1700000000, "results": [
            {"relevance_score": 0.99, "index": 1, "document": "b"},
            {"relevance_score": 7.8e-6, "index": 0, "document": "a"},
        ],
    },
    "infinity without documents": {"results": [{**result, "document": None} for result in BARE]},
    "llama.cpp": {"model": "m", "object": "list", "usage": {"prompt_tokens": 4}, "results": BARE},
    "sglang": [
        {"score": 0.99, "document": "b", "index": 1, "meta_info": {"id": "1"}},
        {"score": 7.8e-6, "document": "a", "index": 0, "meta_info": None},
    ],
    "positions as strings": {"results": [{**result, "index": str(result["index"])} for result in BARE]},
}  # fmt: skip


@pytest.mark.parametrize("return_text", [False, True])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_servers(httpserver: HTTPServer, name: str, return_text: bool) -> None:
    response = answering(httpserver, ANSWERS[name]).rerank("q", ["a", "b"], api="cohere", return_text=return_text)
    texts = ["b", "a"] if return_text else [None, None]
    assert response.data == [RerankResult(1, 0.99, texts[0]), RerankResult(0, 7.8e-6, texts[1])]


def test_tei_path_with_an_answer_of_cohere(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/rerank").respond_with_json(COHERE)
    response = PerformanceClient(httpserver.url_for(""), "k").rerank("q", ["a", "b"])
    assert [result.index for result in response.data] == [1, 0]


def test_servers_that_do_not_know_top_n(httpserver: HTTPServer) -> None:
    client = answering(httpserver, ANSWERS["vllm"])
    assert client.rerank("q", ["a", "b"], api="cohere", top_n=1).data == [RerankResult(1, 0.99)]


def test_equal_scores_are_in_the_order_of_their_texts_and_nan_is_last(httpserver: HTTPServer) -> None:
    def respond(request: Request) -> Response:
        scores = {"a": "0.5", "b": "NaN", "c": "0.5", "d": "0.25"}
        documents = json.loads(request.data)["documents"]
        items = [f'{{"index":{i},"relevance_score":{scores[text]}}}' for i, text in enumerate(documents)]
        return Response(f'{{"results":[{",".join(reversed(items))}]}}', content_type="application/json")

    httpserver.expect_request("/v1/rerank").respond_with_handler(respond)
    client = PerformanceClient(httpserver.url_for(""), "k")
    for batch_size in (1, 2, 4):
        data = client.rerank("q", ["c", "b", "a", "d"], api="cohere", top_n=4, batch_size=batch_size).data
        assert [result.index for result in data] == [0, 2, 3, 1]
        assert math.isnan(data[3].score)


BAD = [
    {}, None, 1, [], {"data": BARE}, {"results": None}, {"results": {}}, {"results": []}, {"results": BARE[:1]},
    {"results": [*BARE, BARE[0]]}, {"results": [BARE[0], BARE[0]]}, {"results": [BARE[0], 5]},
    {"results": [BARE[0], {"relevance_score": 1.0}]}, {"results": [BARE[0], {"index": 0}]},
    {"results": [BARE[0], {"index": 0, "score": 1.0}]}, {"results": [BARE[0], {"index": 2, "relevance_score": 1.0}]},
    {"results": [BARE[0], {"index": -1, "relevance_score": 1.0}]},
    {"results": [BARE[0], {"index": None, "relevance_score": 1.0}]},
    {"results": [BARE[0], {"index": 0, "relevance_score": "1"}]},
    {"results": [BARE[0], {"index": 0, "relevance_score": True}]},
]  # fmt: skip


@pytest.mark.parametrize("answer", BAD, ids=str)
def test_answers_that_cannot_be_used(httpserver: HTTPServer, answer: Any) -> None:
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON"):
        answering(httpserver, answer).rerank("q", ["a", "b"], api="cohere")


@pytest.mark.parametrize("results", [[], BARE[:1], [*BARE, BARE[0]], [BARE[0], BARE[0]]], ids=str)
def test_answers_with_another_number_than_top_n(httpserver: HTTPServer, results: Any) -> None:
    with pytest.raises(InvalidResponse):
        answering(httpserver, {"results": results}).rerank("q", ["a", "b", "c"], api="cohere", top_n=2)


@pytest.mark.parametrize("fault", [{"drop_item": True}, {"extra_item": True}, {"duplicate_index": True}], ids=str)
def test_damaged_answers(server: Server, fault: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        PerformanceClient(server.faulty(**fault), "k").rerank("q", TEXTS, api="cohere")


@pytest.mark.parametrize("fault", [{"shuffle": True}, {"msgpack": True}, {"pretty": True}, {"gzip": True}], ids=str)
def test_answers_in_other_forms(server: Server, fault: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(**fault), "k")
    response = client.rerank("many words", TEXTS, batch_size=7, api="cohere", return_text=True)
    assert response.scores().tolist() == SCORES.tolist()
    assert all(result.text == TEXTS[result.index] for result in response.data)


def test_partial(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="text 29"), "k")
    whole = PerformanceClient(server.url, "k").rerank("many words", TEXTS, batch_size=8, api="cohere").data
    for api in ("cohere", "tei"):
        options: dict[str, Any] = {"api": api, "batch_size": 8, "max_concurrent_requests": 1, "max_retries": 0}
        with pytest.raises(requests.exceptions.HTTPError) as caught:
            client.rerank("many words", TEXTS, **options)
        assert caught.value.partial == [*whole[:24], *[None] * 6]  # type: ignore[attr-defined]
        with pytest.raises(requests.exceptions.HTTPError) as caught:
            client.rerank("many words", TEXTS, **options, top_n=5)
        best = [RerankResult(i, SCORES[i]) for i in BEST if i < 24][:5]
        failed: Any = caught.value
        assert failed.partial == best and failed.missing == list(range(24, 30))
        assert [i for i, score in enumerate(failed.response_partial.scores()) if score == score] == sorted(
            result.index for result in best
        )


def test_failed_requests_are_made_again(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, first=3), "k")
    response = client.rerank("many words", TEXTS, batch_size=7, api="cohere", top_n=2, initial_backoff_ms=50)
    assert [result.index for result in response.data] == BEST[:2]
    assert server.statistics().requests == 8


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"api": "jina"}, ValueError, "api must be 'tei' or 'cohere', not 'jina'"),
        ({"api": "COHERE"}, ValueError, "api must be 'tei' or 'cohere', not 'COHERE'"),
        ({"api": None}, TypeError, "api must be a str, not NoneType"),
        ({"api": ["cohere"]}, TypeError, "api must be a str, not list"),
        ({"top_n": 0}, ValueError, "top_n must be at least 1, not 0"),
        ({"top_n": -1}, ValueError, "top_n must be at least 1, not -1"),
        ({"top_n": 1.0}, TypeError, "top_n must be an int, not float"),
        ({"top_n": "1"}, TypeError, "top_n must be an int, not str"),
        ({"raw_scores": True, "api": "cohere"}, ValueError, "raw_scores must be False with api='cohere', which has no"),
        ({"truncate": True, "api": "cohere"}, ValueError, "truncate must be False with api='cohere', which has no"),
        ({"truncation_direction": "Left", "api": "cohere"}, ValueError, "truncation_direction must be 'Right' with"),
    ],
)
def test_refused_arguments(
    client: PerformanceClient, server: Server, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    for name in ("rerank", "async_rerank"):

        async def call(name: str = name) -> None:
            getattr(client, name)("q", ["a"], **options)

        with pytest.raises(error) as caught:
            asyncio.run(call())
        assert str(caught.value).startswith(message)
    assert server.statistics().requests == 0


def test_new_options_have_no_place_by_position(client: PerformanceClient) -> None:
    api: Literal["cohere"] = "cohere"
    with pytest.raises(TypeError, match="rerank\\(\\) takes at most"):
        client.rerank("q", ["a"], False, None, False, False, "Right", None, *[None] * 5, api)  # type: ignore[arg-type]
