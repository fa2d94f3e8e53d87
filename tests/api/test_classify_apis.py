"""classify(api="vllm" | "infinity"): what is sent, and labels and probabilities as the servers give them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy
import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import ClassificationResponse, ClassificationResult, InvalidResponse, PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.ranking import PROTOTYPES, label_scores

# The best label is another for each.
TEXTS = ["good great excellent", "bad terrible awful", "ordinary plain okay", "love it", "hate it", "wonderful", "é"]
PAIRS = label_scores(TEXTS, raw_scores=False)


@pytest.mark.parametrize(("api", "root"), [("tei", ""), ("vllm", ""), ("infinity", "/infinity")])
@pytest.mark.parametrize("raw_scores", [False, True])
def test_the_same_from_every_server(server: Server, api: Any, root: str, raw_scores: bool) -> None:
    client = PerformanceClient(server.url + root, "k")
    response = client.classify(TEXTS, batch_size=3, api=api, raw_scores=raw_scores)
    pairs = label_scores(TEXTS, raw_scores=raw_scores)
    assert response.data == [[ClassificationResult(label, score) for label, score in of_text] for of_text in pairs]
    assert response.labels().tolist() == [of_text[0][0] for of_text in pairs]
    assert response.classes == ["negative", "neutral", "positive"]
    expected = [[dict(of_text)[label] for label in response.classes] for of_text in pairs]
    assert response.scores().tolist() == numpy.asarray(response).tolist() == expected
    paths = {"tei": "/predict", "vllm": "/classify", "infinity": "/infinity/classify"}
    assert server.statistics().requests_by_path == {paths[api]: 3}


def test_bodies(client: PerformanceClient, server: Server) -> None:
    client.classify(["a", "b"], api="vllm")
    client.classify(["a"], "m", True, True, "Left", api="vllm")
    client.classify(["a"], truncate=True, api="vllm")
    infinity = PerformanceClient(f"{server.url}/infinity", "k")
    infinity.classify(["a", "b"], api="infinity")
    infinity.classify(["a"], "m", True, api="infinity")
    assert [request.body for request in server.requests()] == [
        b'{"input":["a","b"]}',
        b'{"input":["a"],"model":"m","use_activation":false,"truncate_prompt_tokens":-1,"truncation_side":"left"}',
        b'{"input":["a"],"truncate_prompt_tokens":-1,"truncation_side":"right"}',
        b'{"input":["a","b"],"raw_scores":false}',
        b'{"input":["a"],"model":"m","raw_scores":true}',
    ]


def test_path_and_further_members(client: PerformanceClient, server: Server) -> None:
    further = {"truncate_prompt_tokens": 5, "model": "other"}
    client.classify(["a"], "m", api="vllm", url_path="/v1/classify", extra_body=further)
    (request,) = server.requests()
    assert request.path == "/v1/classify"
    assert json.loads(request.body) == {"input": ["a"], **further}
    for name in ("input", "inputs"):
        with pytest.raises(ValueError, match=f"extra_body must not hold '{name}'"):
            client.classify(["a"], api="vllm", extra_body={name: 1})


def test_async(client: PerformanceClient) -> None:
    async def main() -> ClassificationResponse:
        return await client.async_classify(TEXTS, batch_size=2, api="vllm")

    assert asyncio.run(main()).labels().tolist() == [of_text[0][0] for of_text in PAIRS]


@pytest.mark.parametrize(("api", "root"), [("tei", ""), ("vllm", ""), ("infinity", "/infinity")])
def test_streams(server: Server, api: Any, root: str) -> None:
    client = PerformanceClient(server.url + root, "k")
    options: dict[str, Any] = {"batch_size": 3, "max_concurrent_requests": 1, "extra_body": {"user": "u"}}
    batches = list(client.iter_classify(iter(TEXTS), api=api, **options))
    assert [labels for batch in batches for labels in batch.data] == client.classify(TEXTS, api=api, **options).data
    assert {tuple(batch.classes) for batch in batches} == {("negative", "neutral", "positive")}
    bodies = [request.body for request in server.requests()]
    assert bodies[:3] == bodies[3:]
    with pytest.raises(ValueError, match="api must be 'tei' or 'vllm' or 'infinity', not 'cohere'"):
        client.iter_classify(TEXTS, api="cohere")  # type: ignore[arg-type]


def answering(httpserver: HTTPServer, answer: Any) -> PerformanceClient:
    httpserver.expect_request("/classify").respond_with_json(answer)
    return PerformanceClient(httpserver.url_for(""), "k")


VLLM = {
    "id": "classify-7c87", "object": "list", "created": 1745383065, "model": "m",
    "data": [
        {"index": 0, "label": "Default", "probs": [0.565, 0.435], "num_classes": 2},
        {"index": 1, "label": "Spoiled", "probs": [0.265, 0.735], "num_classes": 2},
    ],
    "usage": {"prompt_tokens": 20, "total_tokens": 20, "completion_tokens": 0, "prompt_tokens_details": None},
}  # fmt: skip
INFINITY = {
    "object": "classify", "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}, "id": "infinity-1",
    "data": [
        [{"score": 0.565, "label": "Default"}, {"score": 0.435, "label": "Spoiled"}],
        [{"score": 0.735, "label": "Spoiled"}, {"score": 0.265, "label": "Default"}],
    ],
}  # fmt: skip
GROUPS = [
    [ClassificationResult("Default", 0.565), ClassificationResult("Spoiled", 0.435)],
    [ClassificationResult("Spoiled", 0.735), ClassificationResult("Default", 0.265)],
]


SHUFFLED = {**VLLM, "data": VLLM["data"][::-1]}
BARE = {"data": [{**item, "index": str(item["index"]), "num_classes": None} for item in VLLM["data"]]}


@pytest.mark.parametrize("api", ["vllm", "infinity"])
@pytest.mark.parametrize("answer", [VLLM, INFINITY, INFINITY["data"], SHUFFLED, BARE])
def test_the_form_of_the_answer_is_told_by_its_looks(httpserver: HTTPServer, api: Any, answer: Any) -> None:
    response = answering(httpserver, answer).classify(["a", "b"], api=api)
    assert response.data == GROUPS
    assert response.scores().tolist() == [[0.565, 0.435], [0.265, 0.735]]


def test_the_path_of_tei_with_an_answer_of_vllm(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/predict").respond_with_json(VLLM)
    assert PerformanceClient(httpserver.url_for(""), "k").classify(["a", "b"]).data == GROUPS


def numbered(httpserver: HTTPServer, probabilities: dict[str, list[float]], names: dict[int, str]) -> PerformanceClient:
    """A client of a server that gives each text its probabilities."""

    def respond(request: Request) -> Response:
        data = []
        for index, text in enumerate(json.loads(request.data)["input"]):
            probs = probabilities[text]
            label = names.get(probs.index(max(probs)))
            data.append({"index": index, "label": label, "probs": probs, "num_classes": len(probs)})
        return Response(json.dumps({"data": data}), content_type="application/json")

    httpserver.expect_request("/classify").respond_with_handler(respond)
    return PerformanceClient(httpserver.url_for(""), "k")


@pytest.mark.parametrize("batch_size", [1, 2])
def test_classes_are_named_by_all_answers_of_a_call(httpserver: HTTPServer, batch_size: int) -> None:
    given = {"a": [0.7, 0.2, 0.1, 0.0], "b": [0.1, 0.1, 0.1, 0.7], "c": [0.25, 0.25, 0.25, 0.25]}
    client = numbered(httpserver, given, {0: "zero", 1: "one", 3: "three"})
    response = client.classify(["a", "b", "c"], batch_size=batch_size, api="vllm")
    assert response.classes == ["zero", "LABEL_1", "LABEL_2", "three"]
    assert response.labels().tolist() == ["zero", "three", "zero"]
    assert response.scores().tolist() == list(given.values())
    assert [result.label for result in response.data[1]] == ["three", "zero", "LABEL_1", "LABEL_2"]
    assert [result.label for result in response.data[2]] == response.classes


def test_classes_are_named_by_the_answers_of_a_stream_so_far(httpserver: HTTPServer) -> None:
    client = numbered(httpserver, {"a": [0.9, 0.1], "b": [0.2, 0.8]}, {0: "zero", 1: "one"})
    stream = client.iter_classify(["a", "b", "a"], batch_size=1, max_concurrent_requests=1, api="vllm")
    names = [[result.label for result in batch.data[0]] for batch in stream]
    assert names == [["zero", "LABEL_1"], ["one", "zero"], ["zero", "one"]]


def test_a_model_without_names(httpserver: HTTPServer) -> None:
    response = numbered(httpserver, {"a": [0.3], "b": [0.9]}, {}).classify(["a", "b"], api="vllm")
    assert response.data == [[ClassificationResult("LABEL_0", 0.3)], [ClassificationResult("LABEL_0", 0.9)]]
    assert response.scores().tolist() == [[0.3], [0.9]]


FIRST, SECOND = VLLM["data"]
BAD_DATA = [
    None, {}, [], [FIRST], [FIRST, SECOND, FIRST], [FIRST, FIRST], [FIRST, {**SECOND, "index": 2}],
    [FIRST, {**SECOND, "index": None}], [FIRST, {**SECOND, "label": 1}], [FIRST, {**SECOND, "probs": None}],
    [FIRST, {**SECOND, "probs": []}], [FIRST, {**SECOND, "probs": 0.5}], [FIRST, {**SECOND, "probs": [0.5, "1"]}],
    [FIRST, {**SECOND, "probs": [0.5, None]}], [FIRST, {**SECOND, "num_classes": 3}], [FIRST, []], [FIRST, 1],
    *([FIRST, {key: value for key, value in SECOND.items() if key != name}] for name in ("index", "label", "probs")),
    INFINITY["data"][:1], [*INFINITY["data"], []], [INFINITY["data"][0], [5]], [INFINITY["data"][0], [{"score": 1}]],
]  # fmt: skip


@pytest.mark.parametrize("data", BAD_DATA, ids=str)
def test_answers_that_cannot_be_used(httpserver: HTTPServer, data: Any) -> None:
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON"):
        answering(httpserver, {"data": data}).classify(["a", "b"], api="vllm")


@pytest.mark.parametrize("answer", [{}, {"error": "busy"}, VLLM["data"], 5, None], ids=str)
def test_answers_of_no_known_form(httpserver: HTTPServer, answer: Any) -> None:
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON"):
        answering(httpserver, answer).classify(["a", "b"], api="vllm")


@pytest.mark.parametrize("root", ["", "/infinity"])
@pytest.mark.parametrize("fault", [{"drop_item": True}, {"extra_item": True}], ids=str)
def test_damaged_answers(server: Server, root: str, fault: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(**fault) + root, "k")
    with pytest.raises(InvalidResponse):
        client.classify(TEXTS, api="infinity" if root else "vllm")


@pytest.mark.parametrize("fault", [{"shuffle": True}, {"msgpack": True}, {"pretty": True}, {"gzip": True}], ids=str)
def test_answers_of_vllm_in_other_forms(server: Server, fault: dict[str, Any]) -> None:
    response = PerformanceClient(server.faulty(**fault), "k").classify(TEXTS, batch_size=3, api="vllm")
    assert response.labels().tolist() == [of_text[0][0] for of_text in PAIRS]


@pytest.mark.parametrize(("api", "root"), [("vllm", ""), ("infinity", "/infinity")])
def test_partial(server: Server, api: Any, root: str) -> None:
    client = PerformanceClient(server.faulty(status=400, containing="wonderful") + root, "k")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.classify(TEXTS, batch_size=2, max_concurrent_requests=1, max_retries=0, api=api)
    expected = [[ClassificationResult(label, score) for label, score in of_text] for of_text in PAIRS]
    assert caught.value.partial == [*expected[:4], None, None, None]  # type: ignore[attr-defined]


def test_failed_requests_are_made_again(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=503, first=2), "k")
    response = client.classify(TEXTS, batch_size=3, api="vllm", initial_backoff_ms=50)
    assert response.labels().tolist() == [of_text[0][0] for of_text in PAIRS]
    assert server.statistics().requests == 5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"api": "cohere"}, ValueError, "api must be 'tei' or 'vllm' or 'infinity', not 'cohere'"),
        ({"api": 1}, TypeError, "api must be a str, not int"),
        ({"api": "infinity", "truncate": True}, ValueError, "truncate must be False with api='infinity', which has no"),
        ({"api": "infinity", "truncation_direction": "Left"}, ValueError, "truncation_direction must be 'Right' with"),
    ],
)
def test_refused_arguments(
    client: PerformanceClient, server: Server, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        client.classify(["a"], **options)
    assert str(caught.value).startswith(message)
    assert server.statistics().requests == 0


def test_the_server_has_three_labels() -> None:
    """So that the tests above see classes in another order than that of the scores."""
    assert list(PROTOTYPES) == ["negative", "neutral", "positive"]
    assert {of_text[0][0] for of_text in PAIRS} == set(PROTOTYPES)
