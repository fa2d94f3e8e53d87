"""Compressed answers."""

from __future__ import annotations

import gzip
import json

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


def test_brotli(httpserver: HTTPServer, server: Server) -> None:
    PerformanceClient(server.url, "k").batch_post("/x", [1])
    if "br" not in (server.requests()[0].header("accept-encoding") or ""):
        pytest.skip("this libcurl decodes no brotli")
    empty_object = bytes.fromhex("8b00807b7d03")  # {} in brotli: one uncompressed-like literal block
    httpserver.expect_request("/x").respond_with_response(Response(empty_object, 200, {"content-encoding": "br"}))
    assert PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1]).data == [{}]


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
