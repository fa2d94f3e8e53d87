"""url_path= and extra_body= of embed, rerank and classify; embed without a model; token ids."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server

CALLS: dict[str, Any] = {
    "embed": (lambda client, **given: client.embed(["a", "b"], "m", **given), "input", "/v1/embeddings"),
    "rerank": (lambda client, **given: client.rerank("q", ["a", "b"], **given), "texts", "/rerank"),
    "classify": (lambda client, **given: client.classify(["a", "b"], **given), "inputs", "/predict"),
}
every_operation = pytest.mark.parametrize(("call", "own", "path"), CALLS.values(), ids=CALLS)


def bodies(server: Server) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in server.requests()]


@every_operation
def test_url_path(client: PerformanceClient, server: Server, call: Any, own: str, path: str) -> None:
    call(client)
    call(client, url_path=f"/models/x{path}?v=1", batch_size=1, max_concurrent_requests=1)
    assert [request.target for request in server.requests()] == [path, *[f"/models/x{path}?v=1"] * 2]


@every_operation
@pytest.mark.parametrize("absolute", ["http://elsewhere.invalid/SECRET", " HTTPS://x", "ftp://x"])
def test_absolute_urls(
    client: PerformanceClient, server: Server, call: Any, own: str, path: str, absolute: str
) -> None:
    for refused in (lambda: call(client, url_path=absolute), lambda: client.batch_post(absolute, [1])):
        with pytest.raises(ValueError, match=r"^url_path must be a path, not an absolute URL: [^S]*$"):
            refused()
    assert server.statistics().requests == 0


@every_operation
def test_extra_members(client: PerformanceClient, server: Server, call: Any, own: str, path: str) -> None:
    call(client, batch_size=1)
    plain = bodies(server)[0]
    server.reset()
    extra = {"input_type": "passage", "truncate_prompt_tokens": 5, "more": {"a": [None, 1.5]}, "n": numpy.int64(2**40)}
    call(client, batch_size=1, extra_body=extra)
    found = bodies(server)
    assert len(found) == 2
    for body in found:
        assert {name: body.pop(name) for name in extra} == {**extra, "n": 2**40}
        assert set(body) == set(plain)


def test_they_replace_what_the_parameters_say(client: PerformanceClient, server: Server) -> None:
    client.embed(["a"], "m", user="u", dimensions=4, extra_body={"model": "n", "dimensions": 3, "user": None})
    client.rerank("q", ["a"], model="m", extra_body={"raw_scores": True, "truncate": True, "model": "n"})
    client.classify(["a"], extra_body={"raw_scores": True, "truncation_direction": "Left"})
    embedded, ranked, classified = bodies(server)
    assert embedded == {"input": ["a"], "model": "n", "dimensions": 3, "user": None}
    assert (ranked["model"], ranked["raw_scores"], ranked["truncate"]) == ("n", True, True)
    assert (classified["raw_scores"], classified["truncation_direction"]) == (True, "Left")
    for request in server.requests():
        assert request.body.count(b'"model"') <= 1 and request.body.count(b'"raw_scores"') <= 1


def test_an_encoding_format_among_them(server: Server) -> None:
    client = PerformanceClient(server.url, "k", prefer_base64=True)
    asked = client.embed(["a"], "m", extra_body={"encoding_format": "base64"})
    assert isinstance(asked.data[0].embedding, str)
    as_floats = client.embed(["a"], "m", extra_body={"encoding_format": "float"})
    assert isinstance(as_floats.data[0].embedding, list)
    assert numpy.array_equal(asked.numpy(), as_floats.numpy())
    assert [body["encoding_format"] for body in bodies(server)] == ["base64", "float"]


def test_a_call_that_is_made_again_without_base64_has_them_too(server: Server) -> None:
    faulty = server.faulty(Faults(status=400, containing="base64"))
    extra = {"input_type": ["query"]}
    client = PerformanceClient(faulty, "k", prefer_base64=True)
    response = client.embed(["a", "b"], None, url_path="/y/v1/embeddings", extra_body=extra)
    assert isinstance(response.data[0].embedding, list)
    found = bodies(server)
    assert [body.pop("encoding_format", None) for body in found] == ["base64", None]
    assert found == [{"input": ["a", "b"], "input_type": ["query"]}] * 2
    assert {request.path for request in server.requests()} == {"/y/v1/embeddings"}


@every_operation
@pytest.mark.parametrize(
    ("extra", "error", "message"),
    [
        ([("a", 1)], TypeError, "extra_body must be a mapping, not list"),
        ("a", TypeError, "extra_body must be a mapping, not str"),
        ({1: 2}, TypeError, "a key of extra_body must be a str, not int"),
        ({"a": {1}.union({b"x"})}, ValueError, "extra_body['a'] cannot be sent as JSON: bytes is no JSON value"),
        ({"a": {1: 2}}, ValueError, "extra_body['a'] cannot be sent as JSON: keys must be str, not int"),
        ({"a": [math.nan]}, ValueError, "extra_body['a'] cannot be sent as JSON: it holds NaN"),
        ({"a": "\ud800"}, ValueError, "extra_body['a'] cannot be sent as JSON: 'utf-8' codec"),
        ({"\ud800": 1}, ValueError, "extra_body['\\ud800'] cannot be sent as JSON: 'utf-8' codec"),
    ],
)
def test_refused(
    client: PerformanceClient, server: Server, call: Any, own: str, path: str, extra: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as caught:
        call(client, extra_body=extra)
    assert str(caught.value).startswith(message)
    assert server.statistics().requests == 0


@every_operation
def test_own_names(client: PerformanceClient, server: Server, call: Any, own: str, path: str) -> None:
    with pytest.raises(ValueError) as caught:
        call(client, extra_body={"x": 1, own: ["b"]})
    assert str(caught.value) == f"extra_body must not hold {own!r}, which is a parameter of its own"
    assert server.statistics().requests == 0


def test_without_a_model(client: PerformanceClient, server: Server) -> None:
    response = client.embed(["a"])
    client.embed(["a"], None, "float")
    assert [request.body for request in server.requests()] == [
        b'{"input":["a"]}', b'{"input":["a"],"encoding_format":"float"}',
    ]  # fmt: skip
    assert response.model == "deterministic"  # as the server says
    with pytest.raises(ValueError, match="Model name cannot be empty"):
        client.embed(["a"], " ")


def test_a_server_that_names_no_model(server: Server) -> None:
    client = PerformanceClient(server.faulty(missing="model"), "k")
    assert client.embed(["a"]).model == ""
    assert client.embed(["a"], "m").model == "m"


@pytest.mark.parametrize(
    ("tokens", "sent"),
    [
        ([1, 2, 3], [[[1, 2, 3]]]),
        ([[1, 2], [3], [4, 5, 6]], [[[1, 2], [3]], [[4, 5, 6]]]),
        (numpy.array([7, 8]), [[[7, 8]]]),
        (numpy.array([[1, 2], [3, 4], [5, 6]]), [[[1, 2], [3, 4]], [[5, 6]]]),
        ([numpy.array([1]), (2, 3)], [[[1], [2, 3]]]),
    ],
    ids=str,
)
def test_token_ids(httpserver: HTTPServer, tokens: Any, sent: Any) -> None:
    def embed(request: Request) -> Response:
        vectors = [{"embedding": [float(sum(ids))]} for ids in json.loads(request.data)["input"]]
        return Response(json.dumps({"data": vectors}), content_type="application/json")

    httpserver.expect_request("/v1/embeddings").respond_with_handler(embed)
    client = PerformanceClient(httpserver.url_for(""), "k")
    response = client.embed(tokens, "m", batch_size=2, max_concurrent_requests=1)
    assert [json.loads(request.data)["input"] for request, _ in httpserver.log] == sent
    assert response.numpy().ravel().tolist() == [sum(ids) for batch in sent for ids in batch]


def test_tokens_count_as_characters(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=418), "k")
    with pytest.raises(Exception, match="418"):
        client.embed([[1] * 40, [2] * 40], "m", max_chars_per_request=50, max_concurrent_requests=1)
    assert [len(body["input"]) for body in bodies(server)] == [1]
