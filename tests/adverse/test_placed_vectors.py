"""Never a vector that nobody sent: what comes back is what Python's json or msgpack reads in an answer, or an error.

The rows of a matrix begin with whatever their memory held before, so each is checked against the answer that filled it.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import numpy
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import InvalidResponse, PerformanceClient, RequestProcessingPreference

WIDTH = 3
bounded = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Pairs:
    """A map as it is sent: keys may come twice."""

    def __init__(self, *pairs: tuple[Any, Any]) -> None:
        self.pairs = pairs

    def __repr__(self) -> str:
        return f"Pairs{self.pairs}"


class Answering:
    """A client, and the server that answers its first batch well and its second one as it is told."""

    def __init__(self, httpserver: HTTPServer) -> None:
        self.body = b""
        self.content_type = ""
        httpserver.expect_request("/v1/embeddings").respond_with_handler(self._answer)
        self._client = PerformanceClient(httpserver.url_for(""), "k")

    def _answer(self, request: Request) -> Response:
        if json.loads(request.data)["input"][0] == "first":
            good = {"data": [{"embedding": [0.5] * WIDTH}] * 2}
            return Response(json.dumps(good), content_type="application/json")
        return Response(self.body, content_type=self.content_type)

    def second(self, body: bytes, content_type: str = "application/json") -> Any:
        """The embeddings of the second batch, of two inputs."""
        self.body, self.content_type = body, content_type
        response = self._client.embed(
            ["first", "first", "second", "second"], "m", batch_size=2, max_concurrent_requests=1
        )
        return [item.embedding for item in response.data[2:]]


@pytest.fixture
def answering(httpserver: HTTPServer) -> Answering:
    return Answering(httpserver)


def vector_of(embedding: Any) -> Any:
    """What an `embedding` that Python has read stands for; ValueError when it is no vector."""
    if isinstance(embedding, str):
        return embedding
    if not isinstance(embedding, list) or not all(type(number) in (int, float) for number in embedding):
        raise ValueError("neither an array of numbers nor a string")
    vector = numpy.array(embedding, dtype="<f4")
    if not numpy.isfinite(vector).all():
        raise ValueError("out of range")
    return vector.tolist()


def meant(document: Any) -> Any:
    """The vectors of a document that Python has read, for two inputs; ValueError when it holds no such."""
    if not isinstance(document, dict) or not isinstance(document.get("data"), list) or len(document["data"]) != 2:
        raise ValueError("no list of two items")
    items = document["data"]
    if not all(isinstance(item, dict) and "embedding" in item for item in items):
        raise ValueError("an item without an embedding")
    first, second = items
    vectors = [vector_of(first["embedding"]), vector_of(second["embedding"])]
    indices = [first.get("index"), second.get("index")]
    return vectors[::-1] if {type(index) for index in indices} == {int} and indices[0] > indices[1] else vectors


def check(answering: Answering, body: bytes, content_type: str, document: Any, ordinary: bool) -> None:
    try:
        expected = meant(document)
    except ValueError:
        with pytest.raises(InvalidResponse):
            answering.second(body, content_type)
        return
    try:
        found = answering.second(body, content_type)
    except InvalidResponse:
        assert not ordinary
    else:
        assert found == expected


def spelt(name: str) -> st.SearchStrategy[str]:
    """The name with some of its letters escaped."""
    letters = [st.sampled_from([letter, f"\\u{ord(letter):04x}"]) for letter in name]
    return st.tuples(*letters).map("".join)


def encoded(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


keys = {name: st.just(name) | spelt(name) for name in ("data", "embedding", "index", "object")}
exact = st.integers(-9, 9).map(float) | st.floats(width=32, allow_nan=False, allow_infinity=False)
rows = st.lists(exact, min_size=WIDTH, max_size=WIDTH) | st.lists(exact, max_size=4)
placeholders = st.integers(-4, 4)
others = st.sampled_from([None, True, 0.0, -1.0, [float("nan")], [[1.0]], ["1"], "text", "", Pairs(("embedding", 0))])
embedding_values = st.one_of(rows, rows, rows, rows.map(encoded), placeholders, others)


@st.composite
def item_maps(draw: Any) -> Pairs:
    pairs = [(draw(keys["embedding"]), draw(embedding_values)), (draw(keys["index"]), draw(placeholders))]
    if draw(st.integers(0, 3)) == 0:
        pairs.append((draw(keys["embedding"]), draw(embedding_values)))
    if draw(st.booleans()):
        pairs.append((draw(keys["object"]), draw(others)))
    return Pairs(*draw(st.permutations(pairs)))


@st.composite
def documents(draw: Any) -> Pairs:
    lists = st.lists(item_maps(), min_size=2, max_size=2) | st.lists(item_maps() | placeholders, max_size=3)
    pairs = [(draw(keys["data"]), draw(lists)) for _ in range(draw(st.sampled_from([1, 1, 1, 2])))]
    if draw(st.booleans()):
        pairs.append(("model", draw(others)))
    return Pairs(*draw(st.permutations(pairs)))


def ordinary(value: Any) -> bool:
    """Whether no map in it has a key twice, as the keys are spelt or as they are meant."""
    if isinstance(value, list):
        return all(map(ordinary, value))
    if not isinstance(value, Pairs):
        return True
    names = [json.loads(f'"{key}"') for key, _ in value.pairs]
    return len(set(names)) == len(names) and all(ordinary(inner) for _, inner in value.pairs)


def as_json(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    if isinstance(value, Pairs):
        return "{" + ",".join(f'"{key}":{as_json(inner)}' for key, inner in value.pairs) + "}"
    return json.dumps(value)


def as_msgpack(value: Any) -> Iterator[bytes]:
    packer = msgpack.Packer()
    if isinstance(value, list):
        yield packer.pack_array_header(len(value))
        for inner in value:
            yield from as_msgpack(inner)
    elif isinstance(value, Pairs):
        yield packer.pack_map_header(len(value.pairs))
        for key, inner in value.pairs:
            yield key if isinstance(key, bytes) else msgpack.packb(key)
            yield from as_msgpack(inner)
    else:
        yield msgpack.packb(value)


def item(embedding: Any, key: str = "embedding") -> Pairs:
    return Pairs((key, embedding))


FORGED = [
    # integers where vectors belong, by any spelling of the keys
    Pairs(("data", [item(0, r"\u0065mbedding"), item(1, r"\u0065mbedding")])),
    Pairs(("data", [item(-1, r"embeddin\u0067"), item(-2, r"embeddin\u0067")])),
    Pairs((r"dat\u0061", [item(0), item(1)])),
    Pairs((r"\u0064\u0061\u0074\u0061", [item(-1, r"\u0065mbedding"), item(-2)])),
    Pairs(("data", [item([1.0] * WIDTH), item(1, r"\u0065mbedding")])),
    # vectors that a later value of the same key takes the place of
    Pairs(("data", [Pairs(("embedding", [1.0] * WIDTH), (r"\u0065mbedding", 0)), item([2.0] * WIDTH)])),
    Pairs(("data", [Pairs(("embedding", [1.0] * WIDTH), ("embedding", [2.0] * WIDTH)), item(1, r"\u0065mbedding")])),
    Pairs(("data", [item([1.0] * WIDTH), item([2.0] * WIDTH)]), (r"dat\u0061", [item(0), item(1)])),
    Pairs(("data", [item([1.0] * WIDTH), item([2.0] * WIDTH)]), ("data", [item(0), item(1)])),
    Pairs(("data", [item([1.0] * WIDTH), item([2.0] * WIDTH)]), ("data", [item("x"), item("y")])),
    Pairs((r"dat\u0061", [item(0), item(1)]), ("data", [item([1.0] * WIDTH), item([2.0] * WIDTH)])),
]


@bounded
@given(documents())
def test_json(answering: Answering, document: Pairs) -> None:
    text = as_json(document)
    check(answering, text.encode(), "application/json", json.loads(text), ordinary(document))


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("document", FORGED, ids=as_json)
def test_forged_json(answering: Answering, document: Pairs) -> None:
    text = as_json(document)
    check(answering, text.encode(), "application/json", json.loads(text), ordinary(document))


@bounded
@given(documents(), st.sampled_from([b"\xd9\x09embedding", b"\xda\x00\x09embedding", b"\xc4\x09embedding", None]))
@example(Pairs(("data", [Pairs((b"\xdb\x00\x00\x00\x09embedding", 0)), Pairs((b"\xd9\x09embedding", 1))])), None)
@example(Pairs(("data", [item([1.0] * WIDTH), item([2.0] * WIDTH)]), (b"\xd9\x04data", [item(0), item(1)])), None)
def test_msgpack(answering: Answering, document: Pairs, key: bytes | None) -> None:
    body = b"".join(as_msgpack(document))
    if key is not None:
        body = body.replace(msgpack.packb("embedding"), key)
    meaning = msgpack.unpackb(body, strict_map_key=False)
    check(answering, body, "application/msgpack", meaning, False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"])
def test_json_that_is_no_utf_8(answering: Answering, encoding: str) -> None:
    forged = json.dumps({"data": [{"embedding": 0}, {"embedding": 1}]})
    with pytest.raises(InvalidResponse):
        answering.second(forged.encode(encoding))


def test_a_body_that_changes_its_type_on_the_way(playing: Any) -> None:
    # The trailer comes too late to have a say in how the body is read.
    body = b'{"data":[{"embedding":0}]}'
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: content-type\r\n"
    for first, then in ((b"application/msgpack", b"application/json"), (b"application/json", b"application/msgpack")):
        chunk = b"%x\r\n%b\r\n0\r\ncontent-type: %b\r\n\r\n" % (len(body), body, then)
        listener = playing(head + b"content-type: %b\r\n\r\n" % first + chunk)
        with pytest.raises(InvalidResponse):
            PerformanceClient(listener.url, "k").embed(["a"], "m")


@pytest.mark.usefixtures("poller")
def test_a_copy_that_is_refused_leaves_the_rows_of_the_original_alone(listener: Any) -> None:
    """The original has written a row when its copy, of which the first vector is fine, turns out to be no answer."""
    copy_came, original_began, copy_ended = threading.Event(), threading.Event(), threading.Event()
    good = b'{"data":[{"embedding":[1,1,1]},{"embedding":[2,2,2]}]}'
    bad = b'{"data":[{"embedding":[9,9,9]},{"embedding":[9,no]}]}'
    half = good.index(b"2,2]")

    def script(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        if b"-hedge-" in received:
            copy_came.set()
            assert original_began.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(bad) + bad)
            while connection.recv(65536):
                pass
            copy_ended.set()
        else:
            assert copy_came.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(good) + good[:half])
            original_began.set()
            assert copy_ended.wait(20)
            connection.sendall(good[half:])

    preference = RequestProcessingPreference(hedge_delay=0.05, timeout_s=20.0, max_retries=0)
    response = PerformanceClient(listener(script).url, "k").embed(["a", "b"], "m", preference=preference)
    assert response.numpy().tolist() == [[1.0] * 3, [2.0] * 3]


def test_a_retry_that_brings_less_than_the_attempt_before_it(listener: Any) -> None:
    """The first attempt wrote both rows before it was cut; what the second one does not bring stays missing."""
    cut = b'{"data":[{"embedding":[1,1,1]},{"embedding":[2,2,2]}'
    short = rb'{"data":[{"embedding":[3,3,3]},{"\u0065mbedding":1}]}'
    bodies = [(len(cut) + 9, cut), (len(short), short)]

    def script(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        size, body = bodies.pop(0)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + body)

    preference = RequestProcessingPreference(initial_backoff_ms=50, max_retries=1)
    with pytest.raises(InvalidResponse, match="vector 1: neither an array of numbers nor a string"):
        PerformanceClient(listener(script).url, "k").embed(["a", "b"], "m", preference=preference)
    assert bodies == []
