"""Bodies as they come: deep, odd, empty; and what Python values become of payloads and answers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from baseten_perf import InvalidResponse, PerformanceClient
from baseten_perf.testing import Server

EMBEDDINGS = '{"data":[{"index":0,"embedding":[1.5],"extra":%s}]}'


def posted(httpserver: HTTPServer, body: str | bytes) -> Any:
    """What batch_post makes of one answer."""
    httpserver.expect_request("/x").respond_with_data(body)
    return PerformanceClient(httpserver.url_for(""), "k").batch_post("/x", [1]).data[0]


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, (list, dict)) and value:
        value = value[0] if isinstance(value, list) else value["k"]
        depth += 1
    return depth


@pytest.mark.parametrize("depth", [126, 128, 1024, 1026, 10_000])
@pytest.mark.parametrize(("opening", "closing", "levels"), [("[", "]", 1), ('{"k":', "}", 1), ('[{"k" : ', "} ]", 2)])
def test_deep_answers(httpserver: HTTPServer, opening: str, closing: str, levels: int, depth: int) -> None:
    text = opening * (depth // levels) + "5" + closing * (depth // levels)
    assert depth_of(posted(httpserver, text)) == depth


@pytest.mark.timeout(60)  # reading them in other than linear time would take for ever
def test_hostile_deep_answers_end(httpserver: HTTPServer) -> None:
    deep = "[" * 1100
    for before, repeated in (('"', "a"), ('"', "\\\\"), ('"', '\\"'), ("", " "), ("", "1"), ("", "[],")):
        httpserver.clear()
        with pytest.raises(InvalidResponse):
            posted(httpserver, deep + before + 100_000 * repeated)


def test_too_deep_answers(httpserver: HTTPServer) -> None:
    for text in ("[" * 10_001 + "]" * 10_001, "[" * 5_000_000, '{"k":' * 200_000):
        httpserver.clear()
        with pytest.raises(InvalidResponse, match="error decoding response body: nested deeper than 10000 levels"):
            posted(httpserver, text)


@pytest.mark.parametrize("depth", [500, 3000])
def test_deep_answers_of_other_operations(httpserver: HTTPServer, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    httpserver.expect_request("/v1/embeddings").respond_with_data(EMBEDDINGS % deep)
    httpserver.expect_request("/rerank").respond_with_data(f'[{{"index":0,"score":0.5,"extra":{deep}}}]')
    httpserver.expect_request("/predict").respond_with_data(f'[[{{"label":"a","score":0.5,"extra":{deep}}}]]')
    client = PerformanceClient(httpserver.url_for(""), "k")
    assert client.embed(["a"], "m").numpy().tolist() == [[1.5]]
    assert client.rerank("q", ["a"]).data[0].score == 0.5
    assert client.classify(["a"]).data[0][0].label == "a"


def test_deep_payloads_there_and_back(client: PerformanceClient) -> None:
    payload: Any = [1]
    for level in range(3000):
        payload = [payload] if level % 2 else {"k": payload}
    (answer,) = client.batch_post("/x", [payload]).data
    assert depth_of(answer) == 3001


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 2**64),
        ("-9223372036854775809", -(2**63) - 1),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('[0.5,{"id":-123456789012345678901}]', [0.5, {"id": -123456789012345678901}]),
        ('"123456789012345678901234567890"', "123456789012345678901234567890"),
        ("0.123456789012345678901", 0.123456789012345678901),
        ("123456789012345678901.5", 123456789012345678901.5),
        ("123456789012345678901e3", 123456789012345678901e3),
        ("NaN", math.nan),
        ("[Infinity,-Infinity]", [math.inf, -math.inf]),
        ("1e999", math.inf),
        ('"cut \\ud83d"', "cut \ud83d"),
        ("-0", 0),
        ("1e16", 1e16),
        ("-0.0", -0.0),
        ('{"z":1,"a":2,"z":3}', {"z": 3, "a": 2}),
        (' \r\n\t[ 1 , {"a" : "\\u00fc\\ud83d\\ude00\\/" } ]\n', [1, {"a": "ü😀/"}]),
        ('"\u2028\x7f"', "\u2028\x7f"),
    ],
)
def test_values(httpserver: HTTPServer, text: str, value: Any) -> None:
    answer = posted(httpserver, text)
    assert repr(answer) == repr(value)
    # The same inside what is nested too deeply for the quick parser.
    httpserver.clear()
    answer = posted(httpserver, "[" * 1100 + text + "]" * 1100)
    for _ in range(1100):
        (answer,) = answer
    assert repr(answer) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "nan", "-NaN", "+Infinity", "01", "+1", "1.", '"\\ud80"', '"\x01"', b'"\xff"', b"\xef\xbb\xbf", "tru", "'a'",
        "[1,]", "[1 2]", "[,]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", '{"a" 1}', '{"a":1 "b":2}', "[1}", "]", '"a',
        ":", ",", '{"a":1]', "1 2", "[1]]", '{"k":1}}', "[", "{", '{"a":', '{"a"', "[1,", "",
    ],
)  # fmt: skip
def test_what_is_no_json(httpserver: HTTPServer, text: str | bytes) -> None:
    body = text.encode() if isinstance(text, str) else text
    for document in (body, b"[" * 1100 + body + b"]" * 1100, b"[" * 1100 + b"1," + body + b",1" + b"]" * 1100):
        if document in (b"", b"[" * 1100 + b"]" * 1100):
            continue  # no body, and an empty list
        httpserver.clear()
        with pytest.raises(InvalidResponse, match=r"^Failed to parse response JSON: error decoding response body: "):
            posted(httpserver, document)


def test_a_byte_order_mark(httpserver: HTTPServer) -> None:
    assert posted(httpserver, b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    httpserver.expect_request("/v1/embeddings").respond_with_data(b"\xef\xbb\xbf" + (EMBEDDINGS % "1").encode())
    assert PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m").numpy().tolist() == [[1.5]]


@pytest.mark.parametrize("extra", ['"\\ud800"', "NaN", "1e999", "9" * 40])
def test_what_is_no_strict_json_beside_vectors(httpserver: HTTPServer, extra: str) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data(EMBEDDINGS % extra)
    assert PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m").numpy().tolist() == [[1.5]]


@pytest.mark.parametrize("extra", ["[1,]", b'"\xff"', "nul", '"\x01"'])
def test_what_is_no_json_beside_vectors(httpserver: HTTPServer, extra: str | bytes) -> None:
    body = EMBEDDINGS.encode() % (extra.encode() if isinstance(extra, str) else extra)
    httpserver.expect_request("/v1/embeddings").respond_with_data(body)
    with pytest.raises(InvalidResponse, match=r"^Failed to parse response JSON: error decoding response body: "):
        PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.embed(["a"], "m"),
        lambda client: client.rerank("q", ["a"]),
        lambda client: client.classify(["a"]),
    ],
    ids=["embed", "rerank", "classify"],
)
def test_no_body_where_one_is_needed(httpserver: HTTPServer, call: Any, status: int) -> None:
    for path in ("/v1/embeddings", "/rerank", "/predict"):
        httpserver.expect_request(path).respond_with_response(Response(b"", status))
    with pytest.raises(InvalidResponse, match=r"^Failed to parse response JSON: error decoding response body: "):
        call(PerformanceClient(httpserver.url_for(""), "k"))


def test_numpy_payloads(client: PerformanceClient, server: Server) -> None:
    payloads = [
        numpy.arange(6, dtype=numpy.int16).reshape(2, 3),
        numpy.float32(0.5),
        {"z": numpy.array([0.1, numpy.nan]), "a": [numpy.int64(-1), numpy.bool_(False), numpy.str_("s")]},
        2**70,
    ]
    assert client.batch_post("/x", payloads, max_concurrent_requests=1).data == [
        [[0, 1, 2], [3, 4, 5]], 0.5, {"z": [0.1, None], "a": [-1, False, "s"]}, 2**70,
    ]  # fmt: skip
    assert server.requests()[3].body == b"1180591620717411303424"


def test_key_order_is_kept_both_ways(client: PerformanceClient, server: Server) -> None:
    payload = {name: {"y": 1, "b": [{"d": 1, "c": 2}]} for name in "zkabyx"}
    (answer,) = client.batch_post("/x", [payload]).data
    assert json.dumps(answer) == json.dumps(payload)
    assert server.requests()[0].body == json.dumps(payload, separators=(",", ":")).encode()


def test_first_in_first_out(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", list(range(200)), max_concurrent_requests=1)
    assert [json.loads(request.body) for request in server.requests()] == list(range(200))
