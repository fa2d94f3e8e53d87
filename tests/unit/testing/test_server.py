"""The test server: its life, its routes, its counts, and HTTP/1.1 on its connections."""

from __future__ import annotations

import gc
import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import orjson
import pytest

from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding, embeddings
from baseten_perf.testing.server import environment


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with Server(record=True) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    eventually(lambda: shared.statistics().connections_open == 0)
    shared.reset()
    return shared


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not become true in time"
        time.sleep(0.01)


def call(server: Server, method: str, path: str, payload: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        connection.request(method, path, None if payload is None else orjson.dumps(payload))
        response = connection.getresponse()
        body = response.read()
        return response.status, orjson.loads(body) if body else None
    finally:
        connection.close()


def exchange(server: Server, *blocks: bytes, pause: float = 0.0) -> bytes:
    """Everything that the server sends on one connection until it closes it."""
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        for block in blocks:
            raw.sendall(block)
            time.sleep(pause)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def test_embeddings_as_numbers_and_base64(server: Server) -> None:
    texts = ["Hello world", "", "\u65e5\u672c\u8a9e text"]
    status, answer = call(server, "POST", "/v1/embeddings", {"input": texts, "model": "m"})
    assert status == 200
    assert answer["model"] == "m"
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert [item["index"] for item in answer["data"]] == [0, 1, 2]
    numbers = numpy.array([item["embedding"] for item in answer["data"]], dtype=numpy.float32)
    assert numpy.array_equal(numbers, embeddings(texts))
    payload = {"input": texts, "model": "m", "encoding_format": "base64", "dimensions": 7}
    status, answer = call(server, "POST", "/some/base/v1/embeddings", payload)
    numbers = numpy.array([numpy.frombuffer(b64decode(item["embedding"]), "<f4") for item in answer["data"]])
    assert numpy.array_equal(numbers, embeddings(texts, 7))


def test_embeddings_of_a_single_string(server: Server) -> None:
    _, answer = call(server, "POST", "/v1/embeddings", {"input": "one", "dimensions": 3})
    numbers = numpy.array(answer["data"][0]["embedding"], dtype=numpy.float32)
    assert numpy.array_equal(numbers, embedding("one", 3))


@pytest.mark.parametrize(
    "payload",
    [{}, {"input": []}, {"input": [1]}, {"input": "a", "dimensions": 0}, {"input": "a", "encoding_format": "x"}],
)
def test_wrong_payloads_are_refused(server: Server, payload: dict[str, object]) -> None:
    status, answer = call(server, "POST", "/v1/embeddings", payload)
    assert status in (400, 422)
    assert answer["error"]["code"] == status


def test_rerank(server: Server) -> None:
    payload = {"query": "open a file", "texts": ["weather", "open the file"], "return_text": True, "raw_scores": False}
    _, answer = call(server, "POST", "/rerank", payload)
    assert [item["index"] for item in answer] == [1, 0]
    assert answer[0]["text"] == "open the file"
    assert 1.0 > answer[0]["score"] > answer[1]["score"] > 0.0


def test_predict(server: Server) -> None:
    _, answer = call(server, "POST", "/predict", {"inputs": [["This is great!"], ["terrible"]]})
    assert [item[0]["label"] for item in answer] == ["positive", "negative"]
    _, answer = call(server, "POST", "/predict", {"inputs": "This is great!"})
    assert answer[0]["label"] == "positive"


def test_rerank_of_cohere(server: Server) -> None:
    documents = ["weather", "open the file"]
    payload = {"query": "open a file", "documents": documents, "return_documents": True, "model": "m"}
    for path in ("/v1/rerank", "/rerank"):
        _, answer = call(server, "POST", path, payload)
        assert [item["index"] for item in answer["results"]] == [1, 0]
        assert answer["results"][0]["document"] == {"text": "open the file"}
        assert answer["model"] == "m" and answer["usage"]["total_tokens"] == 4
    _, answer = call(server, "POST", "/infinity/v1/rerank", {**payload, "top_n": 1})
    assert [(item["index"], item["document"]) for item in answer["results"]] == [(1, "open the file")]
    _, answer = call(server, "POST", "/v1/rerank", {**payload, "return_documents": False})
    assert set(answer["results"][0]) == {"index", "relevance_score"}
    for wrong in ({"documents": []}, {"documents": "a"}, {"query": None}, {"top_n": 0}, {"top_n": "1"}):
        assert call(server, "POST", "/v1/rerank", {**payload, **wrong})[0] == 422


def test_classify(server: Server) -> None:
    payload = {"input": ["This is great!", "terrible"], "model": "m"}
    _, answer = call(server, "POST", "/classify", payload)
    assert [(item["index"], item["label"]) for item in answer["data"]] == [(0, "positive"), (1, "negative")]
    assert [item["probs"].index(max(item["probs"])) for item in answer["data"]] == [2, 0]
    assert {item["num_classes"] for item in answer["data"]} == {3}
    _, raw = call(server, "POST", "/classify", {**payload, "use_activation": False})
    assert sum(raw["data"][0]["probs"]) != pytest.approx(1.0)
    _, answer = call(server, "POST", "/infinity/classify", payload)
    assert [item[0]["label"] for item in answer["data"]] == ["positive", "negative"]
    assert call(server, "POST", "/classify", {"inputs": ["a"]})[0] == 422


def test_other_paths(server: Server) -> None:
    assert call(server, "GET", "/health") == (200, {"status": "ok"})
    assert call(server, "POST", "/any/thing?x=1", {"b": 1, "a": [1.5, None]}) == (200, {"b": 1, "a": [1.5, None]})
    assert call(server, "GET", "/any/thing")[0] == 404
    assert call(server, "GET", "/v1/embeddings")[0] == 405


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_echo(server: Server, method: str) -> None:
    status, answer = call(server, method, "/echo?a=1", {"k": 1})
    assert status == 200
    assert (answer["method"], answer["path"], answer["query"]) == (method, "/echo", "a=1")
    assert answer["body"] == '{"k":1}'
    assert ["Host", f"{server.host}:{server.port}"] in answer["headers"]


def test_head_has_no_body(server: Server) -> None:
    answer = exchange(server, b"HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: " in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect(server: Server, code: int) -> None:
    answer = exchange(server, b"GET /redirect/%d?to=%%2Fecho HTTP/1.1\r\nConnection: close\r\n\r\n" % code)
    assert answer.startswith(b"HTTP/1.1 %d " % code)
    assert b"\r\nlocation: /echo\r\n" in answer


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    bodies = [b'{"number":%d}' % number for number in range(50)]
    requests = [b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
    requests.append(b"POST /last HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    slow = b"POST /-/latency=0.1/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]"
    answer = exchange(server, slow + b"".join(requests))
    found = [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert found == [b"[]", *bodies, b"null"]
    assert server.statistics().peak_concurrent_requests == 1


def test_request_in_single_bytes(server: Server) -> None:
    request = b'POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{"a":1}'
    answer = exchange(server, *(bytes([byte]) for byte in request), pause=0.001)
    assert answer.endswith(b'\r\n\r\n{"a":1}')


def test_chunked_upload_and_expect_continue(server: Server) -> None:
    head = b"POST /x HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    answer = exchange(server, head, b"3\r\n[1,\r\n", b"2;x=y\r\n2]\r\n0\r\nTrailer: 1\r\n\r\n", pause=0.05)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"[1,2]")


def test_large_body_both_ways(server: Server) -> None:
    payload = ["x" * 1000] * 8000
    assert call(server, "POST", "/x", payload) == (200, payload)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /" + b"x" * 70_000, 431),
    ],
)
def test_what_is_not_a_request_is_refused(server: Server, request_bytes: bytes, status: int) -> None:
    assert exchange(server, request_bytes).startswith(b"HTTP/1.1 %d " % status)


def test_http10_closes_and_absolute_targets_are_read(server: Server) -> None:
    answer = exchange(server, b"GET http://elsewhere/health HTTP/1.0\r\n\r\n")
    assert answer.endswith(b'{"status":"ok"}')


def test_statistics(server: Server) -> None:
    connections = [http.client.HTTPConnection(server.host, server.port, timeout=10) for _ in range(5)]
    for connection in connections:
        connection.request("POST", "/-/latency=0.3/a", b"1")
    eventually(lambda: server.statistics().requests_active == 5)
    for connection in connections:
        connection.getresponse().read()
    connections[0].request("POST", "/b?x=1", b"1")
    connections[0].getresponse().read()
    counts = server.statistics()
    assert counts.connections_opened == counts.connections_open == counts.peak_concurrent_requests == 5
    assert (counts.requests, counts.requests_active, counts.requests_aborted) == (6, 0, 0)
    assert counts.requests_by_path == {"/a": 5, "/b": 1}
    for connection in connections:
        connection.close()
    eventually(lambda: server.statistics().connections_open == 0)
    assert server.statistics().requests_aborted == 0


def test_connections_from_before_a_reset_count_no_more(server: Server) -> None:
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        exchange_on(raw)
        server.reset()
        assert (server.statistics().connections_opened, server.statistics().connections_open) == (0, 0)
        with socket.create_connection((server.host, server.port), timeout=10) as another:
            exchange_on(another)
            assert (server.statistics().connections_opened, server.statistics().connections_open) == (1, 1)
        eventually(lambda: server.statistics().connections_open == 0)
    exchange(server, b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
    eventually(lambda: server.statistics().connections_open == 0)
    assert server.statistics().connections_opened == 2


def exchange_on(raw: socket.socket) -> None:
    raw.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
    received = b""
    while not received.endswith(b"[]"):
        received += raw.recv(65536)


@pytest.mark.parametrize("fault", ["stall", "latency=5", "body_latency=5", "stall_body"])
def test_requests_given_up_are_counted(server: Server, fault: str) -> None:
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        raw.sendall(b"POST /-/%b/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]" % fault.encode())
        eventually(lambda: server.statistics().requests_active == 1)
    eventually(lambda: server.statistics().requests_aborted == 1, seconds=1.0)
    assert server.statistics().requests_active == 0


def test_answer_that_nobody_reads_is_pending(server: Server) -> None:
    body = b"[" + b"1," * 8_000_000 + b"1]"
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        raw.sendall(b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        eventually(lambda: server.statistics().requests == 1)
        assert server.statistics().requests_active == 1
    eventually(lambda: server.statistics().requests_aborted == 1)


def test_recorded_requests(server: Server) -> None:
    before = time.monotonic()
    exchange(
        server,
        b"POST /-/tag=t/x?q=1 HTTP/1.1\r\nX-A: 1\r\nx-a:2\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\xff\x00",
    )
    (request,) = server.requests()
    assert (request.method, request.path, request.target) == ("POST", "/x", "/-/tag=t/x?q=1")
    assert request.headers == [("X-A", "1"), ("x-a", "2"), ("Connection", "close"), ("Content-Length", "2")]
    assert request.header("CONNECTION") == "close"
    assert request.header("absent") is None
    assert request.body == b"\xff\x00"
    assert before <= request.time <= time.monotonic()
    server.reset()
    assert server.requests() == []


def test_latency_and_dimension_for_all() -> None:
    with Server(latency=0.2, dimension=5) as server:
        start = time.monotonic()
        _, answer = call(server, "POST", "/v1/embeddings", {"input": "a"})
        assert time.monotonic() - start >= 0.2
        assert len(answer["data"][0]["embedding"]) == 5
        assert server.requests() == []


def test_tls(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with Server(tls=(tmp_path / "certificate.pem", tmp_path / "key.pem")) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        connection = http.client.HTTPSConnection(server.host, server.port, timeout=10, context=context)
        payload = ["y" * 1000] * 3000
        for _ in range(3):
            connection.request("POST", "/x", orjson.dumps(payload))
            assert orjson.loads(connection.getresponse().read()) == payload
        connection.request("POST", "/-/reset/x", b"1")
        with pytest.raises(ConnectionError):
            connection.getresponse()
        connection.close()
        counts = server.statistics()
        assert (counts.requests, counts.connections_opened) == (4, 1)


def test_close_ends_the_process_and_may_be_repeated() -> None:
    server = Server()
    pid = server.pid
    server.close()
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_port_that_is_taken_is_an_error(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        Server(port=server.port)
    assert "address already in use" in capfd.readouterr().err
    gc.collect()


def test_the_server_ends_with_a_killed_owner(tmp_path: Path) -> None:
    program = (
        "import os, signal; from baseten_perf.testing import Server; server = Server(); "
        "print(server.port, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=30
    ).stdout
    address = ("127.0.0.1", int(output))

    def refused() -> bool:
        with socket.socket() as raw:
            return raw.connect_ex(address) != 0

    eventually(refused)


def test_by_hand(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "baseten_perf", "serve", "--port", "0", "--faults", "status=418"]
    with subprocess.Popen(
        command,
        env=environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        listening = orjson.loads(process.stdout.readline())
        connection = http.client.HTTPConnection(listening["host"], listening["port"], timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 418
        connection.close()
        process.send_signal(2)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (130, b"", b"baseten-perf serve: interrupted\n")
