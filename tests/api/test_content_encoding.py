"""Compressed answers."""

from __future__ import annotations

import gzip
import json
import zlib

import numpy
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

ONCE = RequestProcessingPreference(max_retries=0)


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("faults", [{"gzip": True}, {"deflate": True}, {"gzip": True, "chunked": True}])
def test_embeddings(server: Server, faults: dict[str, bool]) -> None:
    texts = [f"text {i}" for i in range(40)]
    response = PerformanceClient(server.faulty(**faults), "k").embed(texts, "m", batch_size=8)
    assert numpy.array_equal(response.numpy(), embeddings(texts))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_other_operations(server: Server, encoding: str) -> None:
    client = PerformanceClient(server.faulty(**{encoding: True}), "k")
    plain = PerformanceClient(server.url, "k")
    assert client.batch_post("/x", [{"a": "b" * 1000}]).data == [{"a": "b" * 1000}]
    assert client.rerank("q", ["a", "b"]).data == plain.rerank("q", ["a", "b"]).data
    assert client.classify(["a", "b"]).data == plain.classify(["a", "b"]).data


def test_error_bodies(httpserver: HTTPServer) -> None:
    body = gzip.compress(json.dumps({"error": "no such model"}).encode())
    httpserver.expect_request("/x").respond_with_response(Response(body, 404, {"content-encoding": "gzip"}))
    with pytest.raises(OSError) as caught:
        PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1])
    assert caught.value.args[1].endswith('{"error": "no such model"}')
    assert caught.value.response.json() == {"error": "no such model"}  # type: ignore[attr-defined]


def compressed(encoding: str, text: bytes) -> bytes:
    if encoding == "br":
        return pytest.importorskip("brotli").compress(text)  # type: ignore[no-any-return]
    return gzip.compress(text) if encoding == "gzip" else zlib.compress(text)


@pytest.fixture(params=["gzip", "deflate", "br"])
def encoding(request: pytest.FixtureRequest, server: Server) -> str:
    """Each content encoding that this libcurl asks for."""
    PerformanceClient(server.url, "k").batch_post("/x", [1])
    if request.param not in (server.requests()[0].header("accept-encoding") or "").split(", "):
        pytest.skip(f"this libcurl does not decode {request.param}")
    return str(request.param)


def test_encodings(httpserver: HTTPServer, encoding: str) -> None:
    texts = [f"text {i}" for i in range(50)]
    items = [{"embedding": row.tolist(), "index": k} for k, row in enumerate(embeddings(texts))]
    for path, answer in {"/v1/embeddings": {"data": items, "model": "m"}, "/x": {"b": ["c" * 5000], "a": 1}}.items():
        body = compressed(encoding, json.dumps(answer).encode())
        headers = {"Content-Encoding": encoding, "X-Kept": "1"}
        httpserver.expect_request(path).respond_with_response(Response(body, 200, headers))
    client = PerformanceClient(httpserver.url_for(""), "k")
    response = client.embed(texts, "m", batch_size=50)
    assert numpy.array_equal(response.numpy(), embeddings(texts))
    posted = client.batch_post("/x", [1])
    assert posted.data == [{"b": ["c" * 5000], "a": 1}]
    for headers in (*response.response_headers, *posted.response_headers):
        assert headers["x-kept"] == "1"
        assert not {"content-encoding", "content-length"} & headers.keys()


def test_headers_of_what_is_not_compressed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_response(Response(b"[1]", 200, {"Content-Encoding": "identity"}))
    (headers,) = PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1]).response_headers
    assert (headers["content-encoding"], headers["content-length"]) == ("identity", "3")


def test_head_tells_of_the_compressed_body(server: Server) -> None:
    posted = PerformanceClient(server.faulty(gzip=True), "k").batch_post("/echo", [1], method="HEAD")
    assert posted.data == [{}]
    assert posted.response_headers[0]["content-encoding"] == "gzip"
    assert int(posted.response_headers[0]["content-length"]) > 0


@pytest.mark.parametrize("status", [200, 204])
def test_nothing_in_an_encoding(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/x").respond_with_response(Response(b"", status, {"Content-Encoding": "gzip"}))
    assert PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1]).data == [None]


def test_a_broken_encoding_is_an_error(httpserver: HTTPServer) -> None:
    body = gzip.compress(json.dumps(list(range(1000))).encode())
    body = body[: len(body) // 2]
    httpserver.expect_request("/x").respond_with_response(Response(body, 200, {"content-encoding": "gzip"}))
    with pytest.raises(ValueError):
        PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1], ONCE)


def test_an_encoding_that_was_not_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_response(Response(b"xx", 200, {"content-encoding": "lzma"}))
    with pytest.raises(ValueError):
        PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1], ONCE)
