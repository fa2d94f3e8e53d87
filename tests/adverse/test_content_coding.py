"""Content codings: all that is known is undone, however it is cut; what is not known, or broken, is told at once."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from requests.exceptions import HTTPError

from baseten_perf import InvalidResponse, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
Coding = Callable[[bytes], bytes]

VALUE = {"b": ["c" * 3000, 1.5], "text": "".join(map(chr, range(32, 300)))}
TEXT = json.dumps(VALUE).encode()
VECTOR = [1.5, -0.25, 3e-5, 12345678.0]
EMBEDDINGS = json.dumps({"data": [{"index": 0, "embedding": VECTOR}], "model": "m"}).encode()


def bare(body: bytes) -> bytes:
    """Deflate without zlib's frame around it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


def brotli(body: bytes) -> bytes:
    return pytest.importorskip("brotli").compress(body)  # type: ignore[no-any-return]


def plain(body: bytes) -> bytes:
    return body


def members(body: bytes) -> bytes:
    third = len(body) // 3
    return b"".join(gzip.compress(part) for part in (body[:third], b"", body[third : 2 * third], body[2 * third :]))


def answer(body: bytes, *lines: str, status: str = "200 OK", single: bool = False) -> bytes:
    """A response; its body, when `single`, in chunks of one byte, each of which the client is handed by itself."""
    head = [f"HTTP/1.1 {status}", *lines]
    if single:
        head.append("Transfer-Encoding: chunked")
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    else:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.fixture(params=[False, True], ids=["whole", "in_single_bytes"])
def single(request: pytest.FixtureRequest) -> bool:
    """Whether the body arrives in single bytes."""
    return bool(request.param)


@pytest.fixture
def post(playing: Any, hasty: Hasty) -> Callable[..., Any]:
    """Make a POST that is answered with these bytes each time it is tried; give the response and the tries."""

    def make(raw: bytes, **options: Any) -> tuple[Any, int]:
        listener = playing(raw)
        response = PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=4), **options)
        return response, listener.accepted

    return make


READ: dict[str, tuple[str, Coding, str | None]] = {
    # what the server says, what it does, what is left in the headers
    "utf-8": ("utf-8", plain, "utf-8"),
    "UTF-8": ("UTF-8", plain, "UTF-8"),
    "binary": ("binary", plain, "binary"),
    "none": ("none", plain, "none"),
    "aws-chunked": ("aws-chunked", plain, "aws-chunked"),
    "identity": ("identity", plain, "identity"),
    "nothing": ("", plain, ""),
    "commas": (" , ,", plain, ", ,"),
    "long": ("x" * 5000, plain, "x" * 5000),
    "gzip": ("gzip", gzip.compress, None),
    "GZip": ("GZip", gzip.compress, None),
    "x-gzip": ("x-gzip", gzip.compress, None),
    "deflate": ("deflate", zlib.compress, None),
    "deflate, stored": ("deflate", lambda body: zlib.compress(body, 0), None),
    "deflate, bare": ("deflate", bare, None),
    "deflate, bare and stored": ("deflate", lambda body: b"\x01" + len(body).to_bytes(2, "little")
                                 + (len(body) ^ 65535).to_bytes(2, "little") + body, None),
    "br": ("br", brotli, None),
    "gzip, aws-chunked": ("gzip, aws-chunked", gzip.compress, "aws-chunked"),
    "aws-chunked,gzip ,utf-8": ("aws-chunked,gzip ,utf-8", gzip.compress, "aws-chunked, utf-8"),
    "gzip, gzip": ("gzip, gzip", lambda body: gzip.compress(gzip.compress(body)), None),
    "deflate, gzip": ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body)), None),
    "gzip, br, deflate": ("gzip, br, deflate", lambda body: zlib.compress(brotli(gzip.compress(body))), None),
    "several members": ("gzip", members, None),
    "bytes behind": ("gzip", lambda body: gzip.compress(body) + b"trailing", None),
    "zeros behind": ("gzip", lambda body: gzip.compress(body) + bytes(512), None),
    "half a magic number behind": ("gzip", lambda body: gzip.compress(body) + b"\x1f\x8b", None),
    "almost a magic number behind": ("gzip", lambda body: gzip.compress(body) + b"\x1f\x8b\x1f\x8b\x08", None),
    "bytes behind deflate": ("deflate", lambda body: zlib.compress(body) + b"trailing", None),
    "bytes behind br": ("br", lambda body: brotli(body) + b"trailing", None),
}  # fmt: skip


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize(("label", "code", "left"), READ.values(), ids=READ)
def test_what_is_read(post: Any, single: bool, label: str, code: Coding, left: str | None) -> None:
    response, tries = post(answer(code(TEXT), f"Content-Encoding: {label}", "X-Kept: 1", single=single))
    assert (response.data, tries) == ([VALUE], 1)
    (headers,) = response.response_headers
    assert headers["x-kept"] == "1"
    assert headers.get("content-encoding") == left
    if code is not plain:
        assert "content-length" not in headers
    elif not single:
        assert headers["content-length"] == str(len(TEXT))


@pytest.mark.parametrize(("label", "code", "left"), READ.values(), ids=READ)
def test_embeddings(playing: Any, hasty: Hasty, single: bool, label: str, code: Coding, left: str | None) -> None:
    listener = playing(answer(code(EMBEDDINGS), f"Content-Encoding: {label}", single=single))
    response = PerformanceClient(listener.url, "k").embed(["a"], "m", preference=hasty(max_retries=0))
    assert numpy.array_equal(response.numpy(), numpy.array([VECTOR], numpy.float32))
    assert response.response_headers[0].get("content-encoding") == left


def test_codings_in_several_lines(post: Any) -> None:
    body = brotli(gzip.compress(TEXT))
    lines = "Content-Encoding: gzip", "X-Kept: 1", "content-encoding:utf-8,\tBR", "Content-Encoding:"
    response, _ = post(answer(body, *lines))
    assert response.data == [VALUE]
    assert response.response_headers == [{"x-kept": "1", "content-encoding": "utf-8"}]


def test_one_decoder_for_body_after_body(server: Server) -> None:
    """Codings change from response to response of the same connection, and some of them cannot be decoded."""
    client = PerformanceClient(server.url, "k")
    for _ in range(3):
        for faults in ({"gzip": True}, {"deflate": True}, {}, {"gzip": True, "status": 404}, {"gzip": True}):
            path = server.faulty(**faults).removeprefix(server.url) + "/x"
            if "status" in faults:
                with pytest.raises(HTTPError, match="ordered by the caller"):
                    client.batch_post(path, [VALUE])
            else:
                assert client.batch_post(path, [VALUE]).data == [VALUE]


BROKEN: dict[str, tuple[str, bytes, str]] = {
    "plain": ("gzip", TEXT, "the body's gzip data is broken"),
    "plain deflate": ("deflate", b"\x07" + TEXT, "the body's deflate data is broken"),
    "plain br": ("br", b"\x91" + TEXT, "the body's br data is broken"),
    "half": ("gzip", gzip.compress(TEXT)[:200], "the body's gzip data ends too early"),
    "all but one": ("gzip", gzip.compress(TEXT)[:-1], "the body's gzip data ends too early"),
    "half a magic number": ("gzip", b"\x1f", "the body's gzip data ends too early"),
    "wrong sum": ("gzip", gzip.compress(TEXT)[:-8] + bytes(8), "the body's gzip data is broken"),
    "a broken member": ("gzip", gzip.compress(TEXT) + b"\x1f\x8b\x08\xff", "the body's gzip data is broken"),
    "half deflate": ("deflate", zlib.compress(TEXT)[:200], "the body's deflate data ends too early"),
    "the inner one": ("deflate, gzip", gzip.compress(b"\x07" + TEXT), "the body's deflate data is broken"),
    "zstd": ("zstd", b"\x28\xb5\x2f\xfd", "this client does not decode content-encoding zstd"),
    "compress": ("X-Compress", b"\x1f\x9d", "this client does not decode content-encoding x-compress"),
    "under another": ("dcb, gzip", gzip.compress(TEXT), "this client does not decode content-encoding dcb"),
    "over another": ("gzip, zstd", b"\x28\xb5\x2f\xfd", "this client does not decode content-encoding zstd"),
    "too many": (", ".join(["gzip"] * 5), TEXT, "this client does not decode content-encoding gzip"),
}


@pytest.mark.parametrize(("label", "body", "words"), BROKEN.values(), ids=BROKEN)
def test_a_success_that_cannot_be_decoded(
    playing: Any, hasty: Hasty, single: bool, label: str, body: bytes, words: str
) -> None:
    listener = playing(answer(body, f"Content-Encoding: {label}", single=single))
    client = PerformanceClient(listener.url, "k")
    for call in (
        lambda: client.batch_post("/x", [1], hasty(max_retries=4)),
        lambda: client.embed(["a"], "m", preference=hasty(max_retries=4)),
    ):
        tries = listener.accepted
        with pytest.raises(InvalidResponse) as caught:
            call()
        assert words in str(caught.value)
        assert (caught.value.status, listener.accepted - tries) == (200, 1)


def test_the_beginning_of_a_mislabelled_body_is_shown(post: Any) -> None:
    with pytest.raises(InvalidResponse, match=r'the body starts with: \{"b": '):
        post(answer(TEXT, "Content-Encoding: gzip"))


@pytest.mark.parametrize(("label", "body", "words"), BROKEN.values(), ids=BROKEN)
def test_an_error_that_cannot_be_decoded(post: Any, single: bool, label: str, body: bytes, words: str) -> None:
    with pytest.raises(HTTPError) as caught:
        post(answer(body, f"Content-Encoding: {label}", status="404 Not Found", single=single))
    response = caught.value.response
    assert response is not None
    assert (response.status_code, response.content) == (404, body)
    assert response.headers["content-encoding"] == label
    assert caught.value.attempts == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(("label", "code", "left"), READ.values(), ids=READ)
def test_an_error(post: Any, single: bool, label: str, code: Coding, left: str | None) -> None:
    with pytest.raises(HTTPError) as caught:
        post(answer(code(TEXT), f"Content-Encoding: {label}", status="404 Not Found", single=single))
    response = caught.value.response
    assert response is not None
    assert (response.status_code, response.content) == (404, TEXT)
    assert response.headers.get("content-encoding") == left


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "404 Not Found"])
@pytest.mark.parametrize("label", ["gzip", "br", "gzip, deflate", "zstd"])
def test_no_body(post: Any, label: str, status: str) -> None:
    raw = answer(b"", f"Content-Encoding: {label}", status=status)
    if status.startswith("404"):
        with pytest.raises(HTTPError):
            post(raw)
    else:
        assert post(raw)[0].data == [None]


@pytest.mark.parametrize("label", ["gzip", "zstd", "gzip, gzip"])
def test_head(post: Any, label: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Encoding: {label}\r\nContent-Length: 77\r\n\r\n".encode()
    response, _ = post(raw, method="HEAD")
    assert (response.data, response.response_headers) == ([{}], [{"content-encoding": label, "content-length": "77"}])


def test_a_body_cut_short_is_tried_again(playing: Any, hasty: Hasty) -> None:
    """Of a compressed body, too: what is missing is the connection's fault, as long as what came could be decoded."""
    whole = answer(gzip.compress(TEXT), "Content-Encoding: gzip")
    listener = playing(whole[:-20])
    with pytest.raises(ValueError) as caught:
        PerformanceClient(listener.url, "k").batch_post("/x", [1], hasty(max_retries=1))
    assert not isinstance(caught.value, InvalidResponse)
    assert listener.accepted == 2


def test_the_callers_accept_encoding(server: Server, hasty: Hasty) -> None:
    client = PerformanceClient(server.faulty(gzip=True), "k")
    preference = hasty(extra_headers={"Accept-Encoding": "identity"})
    assert client.batch_post("/x", [VALUE], preference).data == [VALUE]
    client.batch_post("/x", [VALUE], hasty(extra_headers={"Accept-Encoding": ""}))
    given, empty = (
        [value for name, value in request.headers if name.lower() == "accept-encoding"] for request in server.requests()
    )
    assert (given, empty) == (["identity"], [""])


WITH_LIBCURLS_DECODER = """
from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
with Server(record=True) as server:
    posted = PerformanceClient(server.faulty(gzip=True), "k").batch_post("/x", [{"a": "b" * 1000}])
    assert posted.data == [{"a": "b" * 1000}], posted.data
    assert not {"content-encoding", "content-length"} & posted.response_headers[0].keys()
    head = PerformanceClient(server.faulty(gzip=True), "k").batch_post("/echo", [1], method="HEAD")
    assert head.response_headers[0]["content-encoding"] == "gzip"
    try:
        PerformanceClient(server.faulty(gzip=True, status=404), "k").batch_post("/x", [1])
    except OSError as error:
        assert "ordered by the caller" in str(error)
        assert "content-encoding" not in error.response.headers
    else:
        raise AssertionError("no error")
    for request in server.requests():
        assert "gzip" in request.header("accept-encoding"), request.headers
print("done")
"""


def test_where_libcurl_decodes() -> None:
    """As where zlib cannot be found beside libcurl."""
    ended = subprocess.run(
        [sys.executable, "-c", WITH_LIBCURLS_DECODER],
        env={**os.environ, "BASETEN_PERF_CODINGS": "libcurl"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "done\n")
