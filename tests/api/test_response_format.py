"""batch_post's response_format: parsed JSON, text or bytes."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import InvalidResponse, PerformanceClient
from baseten_perf.testing import Server

BODY = "grün, 字".encode()


def serving(httpserver: HTTPServer, body: bytes, content_type: str | None, status: int = 200) -> PerformanceClient:
    def respond(request: Request) -> Response:
        response = Response(body, status)
        response.headers.pop("content-type", None)
        if content_type is not None:
            response.headers["content-type"] = content_type
        return response

    httpserver.expect_request("/x").respond_with_handler(respond)
    return PerformanceClient(httpserver.url_for(""), "k")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (BODY, None, "grün, 字"),
        (BODY, "text/plain", "grün, 字"),
        (BODY, "text/plain; charset=utf-8", "grün, 字"),
        ("grün".encode("latin-1"), 'text/plain; Charset="ISO-8859-1"', "grün"),
        ("grün".encode("utf-16"), "text/csv;charset=utf-16", "grün"),
        (b"a\xff", "text/plain", "a\ufffd"),
        (BODY, "text/plain; charset=nonsense", "grün, 字"),
        (BODY, "text/plain; charset=base64", "grün, 字"),
        (BODY, "text/plain; charset=idna", "grün, 字"),
        (BODY, "text/plain; charset=undefined", "grün, 字"),
        (b"{}", "application/msgpack", "{}"),
        (b"", "application/json", ""),
    ],
)
def test_text(httpserver: HTTPServer, body: bytes, content_type: str | None, text: str) -> None:
    client = serving(httpserver, body, content_type)
    assert client.batch_post("/x", [1, 2], response_format="text").data == [text] * 2
    data = client.batch_post("/x", [1], response_format="bytes").data
    assert data == [body] and type(data[0]) is bytes


def test_json_is_the_default(httpserver: HTTPServer) -> None:
    client = serving(httpserver, b"no json", None)
    with pytest.raises(InvalidResponse):
        client.batch_post("/x", [1])
    with pytest.raises(InvalidResponse):
        client.batch_post("/x", [1], response_format="json")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_without_a_body(httpserver: HTTPServer, method: Any) -> None:
    client = serving(httpserver, b"", None, 204)
    assert client.batch_post("/x", [1], method=method, response_format="text").data == [""]
    assert client.batch_post("/x", [1], method=method, response_format="bytes").data == [b""]


def test_large_bodies(client: PerformanceClient) -> None:
    payload = "x" * 300_000
    assert client.batch_post("/x", [payload], response_format="bytes").data == [b'"%b"' % payload.encode()]
    assert client.batch_post("/x", [payload], response_format="text").data == [f'"{payload}"']


def test_what_is_asked_for(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", [1])
    client.batch_post("/x", [1], response_format="text")
    client.batch_post("/x", [1], response_format="bytes", custom_headers={"Accept": "audio/wav"})
    client.batch_post("/x", [1], response_format="json")
    accepted = [request.header("accept") for request in server.requests()]
    as_json = "application/json, application/msgpack"
    assert accepted == [as_json, "*/*", "audio/wav", as_json]


@pytest.mark.parametrize("wrong", ["xml", "JSON", ""])
def test_others(client: PerformanceClient, server: Server, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^response_format must be one of json, text, bytes, not"):
        client.batch_post("/x", [1], response_format=wrong)
    assert server.statistics().requests == 0
