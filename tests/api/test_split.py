"""A bad input fails alone: batches that a server refuses for what they hold, or for their size, are divided."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import math
import random
import struct
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestFailed

# What a server says of the inputs of a request: a status and an error's body, or None to answer it.
Refuse = Callable[[list[Any]], "tuple[int, Any] | None"]
TOO_LONG = {"error": {"message": "maximum context length is 8192 tokens"}}


def vector_of(text: Any) -> list[float]:
    return [float(len(text)), float(sum(text.encode()) if isinstance(text, str) else sum(text)), 0.5]


def inputs_of(body: dict[str, Any]) -> list[Any]:
    found: list[Any] = next(body[name] for name in ("input", "inputs", "texts", "documents") if name in body)
    return found


class Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that aborts on the wire does so in its own right; other errors are the test's."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Picky:
    """A server that answers embeddings, rerank and classify, and refuses what it is told to.

    Attributes:
        sizes: number of inputs of each request, in the order of their arrival; `answered`: of those that were answered.
        stop_at: the request, counted from 1, that is kept waiting, and all after it; `stopped` is set when it arrives.
    """

    def __init__(self) -> None:
        self._server = Listening(("127.0.0.1", 0), self._handler())
        self._port = self._server.server_address[1]
        self._test = 0
        self._lock = threading.Lock()
        self.reset(lambda inputs: None)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Base URL for the test that is running: what another one has left in the sockets is not counted."""
        return f"http://127.0.0.1:{self._port}/{self._test}"

    def begin(self) -> None:
        self._test += 1
        self.reset(lambda inputs: None)

    def reset(self, refuse: Refuse, stop_at: int = 0) -> None:
        self.refuse, self.stop_at = refuse, stop_at
        self.sizes: list[int] = []
        self.answered: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.stopped, self.go_on = threading.Event(), threading.Event()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        test, _, path = path[1:].partition("/")
        if int(test) != self._test:
            return 503, ""
        path = f"/{path}"
        inputs = [each[0] if path == "/predict" else each for each in inputs_of(body)]
        with self._lock:
            self.sizes.append(len(inputs))
            self.bodies.append(body)
            stops = 0 < self.stop_at <= len(self.sizes)
        if stops:
            self.stopped.set()
            self.go_on.wait(30)
        refused = self.refuse(inputs)
        if refused is not None:
            return refused
        with self._lock:
            self.answered.append(len(inputs))
        vectors = [vector_of(each) for each in inputs]
        if path == "/rerank":
            return 200, [{"index": i, "score": vector[1]} for i, vector in enumerate(vectors)][::-1]
        if path == "/v1/rerank":
            results = [{"index": i, "relevance_score": vector[1]} for i, vector in enumerate(vectors)]
            best = sorted(results, key=lambda each: -each["relevance_score"])
            return 200, {"results": best[: body.get("top_n")]}
        if path == "/predict":
            return 200, [[{"label": each, "score": vector[1]}] for each, vector in zip(inputs, vectors, strict=True)]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack("<3f", *vector)).decode() for vector in vectors]  # type: ignore[misc]
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
        return 200, {"object": "list", "model": "m", "data": data, "usage": usage}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        picky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, document = picky.answer(self.path, body)
                octets = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(octets)))
                self.send_header("content-type", "application/json")
                if status == 200:
                    self.send_header("x-inputs", str(len(inputs_of(body))))
                self.end_headers()
                try:
                    self.wfile.write(octets)
                    self.wfile.flush()
                except OSError:
                    pass  # aborted on the wire

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture(scope="module")
def only_picky() -> Iterator[Picky]:
    server = Picky()
    yield server
    server.close()


@pytest.fixture
def picky(only_picky: Picky) -> Iterator[Picky]:
    only_picky.begin()
    yield only_picky
    only_picky.go_on.set()


@pytest.fixture(params=["", "async_"], ids=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def respond(client: PerformanceClient, way: str, method: str, *arguments: Any, **options: Any) -> Any:
    async def awaited() -> Any:
        return await getattr(client, f"async_{method}")(*arguments, **options)

    return asyncio.run(awaited()) if way else getattr(client, method)(*arguments, **options)


def streamed(client: PerformanceClient, way: str, texts: list[str], **options: Any) -> list[Any]:
    async def awaited() -> list[Any]:
        return [batch async for batch in client.iter_embed(texts, "m", **options)]

    return asyncio.run(awaited()) if way else list(client.iter_embed(texts, "m", **options))


def refusing(bad: set[Any], status: int = 400, body: Any = TOO_LONG) -> Refuse:
    return lambda inputs: (status, body) if any(each in bad for each in inputs) else None


def bound(bad: int, inputs: int, batch: int) -> int:
    return 2 * bad * math.ceil(math.log2(batch)) + math.ceil(inputs / batch)


TEXTS = [f"text {i}" for i in range(1000)]
BAD = list(range(5, 1000, 97))
BAD_TEXTS = {TEXTS[i] for i in BAD}


@pytest.mark.parametrize("batch_size", [8, 128, 1000])
def test_a_bad_input_fails_alone(picky: Picky, poller: str, way: str, batch_size: int) -> None:
    picky.reset(refusing(BAD_TEXTS, 422))
    client = PerformanceClient(picky.url, "key")
    response = respond(client, way, "embed", TEXTS, "m", batch_size=batch_size, return_exceptions=True)
    assert response.missing == list(response.errors) == BAD
    for i, failure in response.errors.items():
        assert (list(failure.inputs), failure.batch_index, failure.attempts) == ([i], i // batch_size, 1)
        assert failure.args[0] == 422
    array = response.numpy(missing="nan")
    assert numpy.isnan(array[BAD]).all()
    assert all(array[i].tolist() == vector_of(TEXTS[i]) for i in range(1000) if i not in BAD)
    assert [i for i, item in enumerate(response.data) if item is None] == BAD
    assert response.usage.total_tokens == 989
    assert len(picky.sizes) <= bound(11, 1000, batch_size)
    # One entry for each request that was answered or stands alone, in the order of the inputs.
    assert len(response.individual_request_times) == len(response.response_headers) == len(picky.answered) + 11
    inputs = [int(headers.get("x-inputs", 1)) for headers in response.response_headers]
    assert sum(inputs) == 1000 and inputs.count(1) >= 11


def test_a_bad_input_of_a_stream_is_an_item_of_its_own(picky: Picky, poller: str, way: str) -> None:
    picky.reset(refusing(BAD_TEXTS))
    client = PerformanceClient(picky.url, "key")
    for ordered in (True, False):
        picky.sizes.clear()
        options: dict[str, Any] = {"batch_size": 32, "ordered": ordered, "return_exceptions": True}
        batches = streamed(client, way, TEXTS, max_concurrent_requests=8, **options)
        assert len(picky.sizes) <= bound(11, 1000, 32)
        if not ordered:
            batches.sort(key=lambda batch: batch.start)
        assert [i for batch in batches for i in range(batch.start, batch.stop)] == list(range(1000))
        assert [text for batch in batches for text in batch.inputs] == TEXTS
        assert [i for batch in batches for i in batch.missing] == BAD
        failures = {i: failure for batch in batches for i, failure in batch.errors.items()}
        assert {i: (list(each.inputs), each.batch_index) for i, each in failures.items()} == {
            i: ([i], i // 32) for i in BAD
        }
        for batch in batches:
            if not batch.missing:
                assert batch.numpy().tolist() == [vector_of(text) for text in batch.inputs]


def test_every_operation(picky: Picky, way: str) -> None:
    texts = TEXTS[:40]
    bad = {texts[3], texts[17], texts[39]}
    good = [i for i, text in enumerate(texts) if text not in bad]
    picky.reset(refusing(bad))
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "return_exceptions": True}
    score = {i: vector_of(texts[i])[1] for i in good}

    response = respond(client, way, "classify", texts, **options)
    assert [None if each is None else each[0].label for each in response.data] == [
        None if text in bad else text for text in texts
    ]
    response = respond(client, way, "rerank", "q", texts, **options)
    assert {each.index: each.score for each in response.data if each is not None} == score
    assert response.missing == [3, 17, 39]
    response = respond(client, way, "rerank", "q", texts, api="cohere", top_n=5, **options)
    assert [each.score for each in response.data] == sorted(score.values(), reverse=True)[:5]
    assert list(response.errors) == [3, 17, 39]

    # Token ids; members of the body and a path of one's own; memory of the caller's.
    picky.reset(lambda inputs: (400, TOO_LONG) if [7, 7] in inputs else None)
    tokens = [[i, 1] for i in range(40)]
    tokens[6] = [7, 7]
    out = numpy.full((40, 3), -1, dtype=numpy.float32)
    response = respond(
        client, way, "embed", tokens, "m", out=out, url_path="/v2/embeddings", extra_body={"truncate": True}, **options
    )
    assert response.missing == [6]
    assert out[6].tolist() == [-1, -1, -1]
    assert all(out[i].tolist() == vector_of(tokens[i]) for i in range(40) if i != 6)
    assert all(body["truncate"] for body in picky.bodies)
    assert sum(len(item.inputs) for item in client.iter_classify(texts, **options)) == 40


def test_texts_of_arrow(picky: Picky, way: str) -> None:
    """They are divided by their lengths, in characters, like those of a list."""
    pyarrow = pytest.importorskip("pyarrow")
    texts = [f"{'é' * (number % 90)} {number}" for number in range(200)]
    column = pyarrow.chunked_array([texts[:70], texts[70:]])
    bad = {texts[5], texts[171]}
    refuse = too_many_tokens(600)
    picky.reset(lambda inputs: refuse(inputs) or refusing(bad)(inputs))
    client = PerformanceClient(picky.url, "key", prefer_base64=True)
    response = respond(client, way, "embed", column, "m", batch_size=64, return_exceptions=True)
    assert response.missing == list(response.errors) == [5, 171]
    array = response.numpy(missing="nan")
    assert all(array[i].tolist() == vector_of(texts[i]) for i in range(200) if i not in (5, 171))
    sizes = []
    for inputs in (column, texts):
        picky.reset(refuse)
        respond(client, way, "embed", inputs, "m", batch_size=64, max_concurrent_requests=1)
        sizes.append(list(picky.sizes))
    assert sizes[0] == sizes[1] == picky.answered


@pytest.mark.parametrize("takes_base64", [True, False])
def test_with_a_preference_for_base64(picky: Picky, way: str, takes_base64: bool) -> None:
    """Whether the format or an input is refused shows when the call is made again without base64."""

    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("encoding_format") == "base64" and not takes_base64:
            return 400, {"error": "unknown encoding format"}
        return Picky.answer(picky, path, body)

    texts = TEXTS[:64]
    picky.reset(refusing({texts[5]}))
    picky.answer = answer  # type: ignore[method-assign]
    try:
        client = PerformanceClient(picky.url, "key", prefer_base64=True)
        options: dict[str, Any] = {"batch_size": 16, "return_exceptions": True, "max_concurrent_requests": 2}
        response = respond(client, way, "embed", texts, "m", **options)
        assert response.missing == [5]
        assert all(isinstance(item.embedding, list) for item in response.data if item is not None)
        batches = streamed(client, way, texts, **options)
        assert [i for batch in batches for i in batch.missing] == [5]
        client.embed(TEXTS[100], "m")
        assert ("encoding_format" in picky.bodies[-1]) == takes_base64
    finally:
        del picky.answer


def too_many(most: int) -> Refuse:
    message = f"batch size is invalid, it should not be larger than {most}.: input.contents"
    return lambda inputs: (400, {"error": {"message": message}}) if len(inputs) > most else None


def too_many_tokens(most: int, named: bool = True) -> Refuse:
    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        tokens = sum(map(len, inputs))
        if tokens <= most:
            return None
        if named:
            return 400, {"error": {"message": f"Requested {tokens} tokens, max {most} tokens per request"}}
        return 400, {"message": "Too many tokens overall, split into more batches.", "code": "3210"}

    return refuse


LIMITS: dict[str, tuple[Refuse, Callable[[list[Any]], bool]]] = {
    "inputs": (too_many(10), lambda inputs: len(inputs) <= 10),
    "tokens": (too_many_tokens(600), lambda inputs: sum(map(len, inputs)) <= 600),
    "tokens, no number": (too_many_tokens(600, named=False), lambda inputs: sum(map(len, inputs)) <= 600),
    "no words": (lambda inputs: (413, "") if sum(map(len, inputs)) > 600 else None, lambda inputs: True),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_batch_that_is_too_large(picky: Picky, poller: str, way: str, name: str) -> None:
    """The call succeeds, its later batches are small enough, and so are later calls' at once."""
    refuse, _ = LIMITS[name]
    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    response = respond(client, way, "embed", TEXTS, "m", batch_size=128, max_concurrent_requests=1)
    assert response.numpy().tolist() == [vector_of(text) for text in TEXTS]
    # All within the window of bodies that are serialised ahead may have been refused, and what led to the limit.
    assert len(picky.sizes) - len(picky.answered) <= 8 + 7
    for call in (
        lambda **options: respond(client, way, "embed", TEXTS, "m", **options).numpy().tolist(),
        lambda **options: [row for batch in streamed(client, way, TEXTS, **options) for row in batch.numpy().tolist()],
    ):
        picky.reset(refuse)
        assert call(batch_size=128) == [vector_of(text) for text in TEXTS]
        assert len(picky.sizes) == len(picky.answered) <= 250
    picky.reset(refuse)
    respond(client, way, "embed", TEXTS, "m", batch_size=4)
    assert set(picky.sizes) == {4}


def test_a_limit_is_of_one_client_path_and_model(picky: Picky) -> None:
    client = PerformanceClient(picky.url, "key")
    picky.reset(too_many(10))
    client.embed(TEXTS[:40], "m", batch_size=40)
    assert sorted(picky.sizes) == [10, 10, 10, 10, 40]
    picky.reset(lambda inputs: None)
    client.embed(TEXTS[:40], "m", batch_size=40)
    client.embed([[1]] * 40, "m", batch_size=40)
    client.embed(TEXTS[:40], "another", batch_size=40)
    client.embed(TEXTS[:40], "m", url_path="/v2/embeddings", batch_size=40)
    client.classify(TEXTS[:40], "m", batch_size=40)
    PerformanceClient(picky.url, "key").embed(TEXTS[:40], "m", batch_size=40)
    assert picky.sizes == [10] * 4 + [40] * 5


def test_later_batches_of_a_call_are_cut_before_they_are_sent(picky: Picky, way: str) -> None:
    picky.reset(too_many(10))
    client = PerformanceClient(picky.url, "key")
    texts = [str(i) for i in range(4096)]
    response = respond(client, way, "embed", texts, "m", batch_size=32, max_concurrent_requests=2)
    assert response.numpy().shape == (4096, 3)
    assert picky.sizes.count(32) <= 2 * 2 + 16 + 2
    assert len(response.response_headers) == len(picky.answered)


@pytest.mark.parametrize("identified", [False, True])
def test_a_server_that_refuses_everything(picky: Picky, way: str, identified: bool) -> None:
    numbers = iter(range(10**18, 2 * 10**18))

    def refuse(inputs: list[Any]) -> tuple[int, Any]:
        about = f" (request id: {next(numbers)})" if identified else ""
        return 400, {"error": {"message": f"The model `m` does not exist{about}"}}

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    response = respond(client, way, "embed", TEXTS, "m", batch_size=128, return_exceptions=True)
    assert len(picky.sizes) <= 8 + 4 * 7
    assert picky.sizes.count(1) >= 4
    assert response.missing == list(response.errors) == list(range(1000))
    # All batches but the one that was tried fail as they were sent.
    whole = {failure.batch_index: failure.inputs for failure in response.errors.values()}
    assert sum(list(whole[k]) == list(range(128 * k, min(1000, 128 * k + 128))) for k in range(8)) == 7
    assert len(response.individual_request_times) == len(response.response_headers)
    picky.reset(refuse)
    batches = streamed(client, way, TEXTS, batch_size=128, return_exceptions=True)
    assert len(picky.sizes) <= 8 + 4 * 7
    assert [i for batch in batches for i in batch.missing] == list(range(1000))
    picky.reset(lambda inputs: (413, ""))
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, way, "embed", TEXTS, "m", batch_size=128, max_concurrent_requests=4)
    assert len(picky.sizes) <= 8 + 4 * 7
    failure: Any = raised.value
    assert isinstance(failure, RequestFailed)
    assert len(failure.inputs) == 1 and failure.missing == list(range(1000))


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_begins_to_refuse_everything(picky: Picky, way: str, streams: bool) -> None:
    """As where an account is closed during a job: the batches that are left cost one request each, and the proof."""
    texts = [f"text {i}" for i in range(4_000)]
    lock = threading.Lock()
    requests_left = 50

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        nonlocal requests_left
        with lock:
            requests_left -= 1
            return None if requests_left >= 0 else (400, {"error": {"message": "billing hard limit reached"}})

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 8, "return_exceptions": True}
    if streams:
        batches = streamed(client, way, texts, **options)
        missing = [i for batch in batches for i in batch.missing]
    else:
        missing = respond(client, way, "embed", texts, "m", **options).missing
    assert len(missing) == 4_000 - 50 * 16
    # The batches; refusals until there is doubt, in whose place their halves were sent; three that are tried.
    assert len(picky.sizes) <= 250 + 2 * 64 + 2 * 8 + 3 * 4 * 4


def test_a_stretch_of_bad_inputs_is_no_server_that_refuses_everything(picky: Picky, way: str) -> None:
    bad = set(range(1_000, 2_600)) | {3_999}
    forbidden = 400, {"error": {"message": "input was flagged"}}
    picky.reset(lambda inputs: forbidden if any(int(text) in bad for text in inputs) else None)
    client = PerformanceClient(picky.url, "key")
    texts = [str(i) for i in range(4_000)]
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 8, "return_exceptions": True}
    response = respond(client, way, "embed", texts, "m", **options)
    assert set(response.missing) == bad
    rows = response.numpy(missing="nan")
    assert all((rows[i] == vector_of(texts[i])).all() for i in range(4_000) if i not in bad)


def test_different_reasons_are_the_inputs_own(picky: Picky) -> None:
    """All inputs of the only batch but one are bad: it is found all the same."""

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        bad = [text for text in inputs if text != TEXTS[77]]
        return (400, {"error": f"{bad[0]} is refused"}) if bad else None

    picky.reset(refuse)
    response = PerformanceClient(picky.url, "key").embed(TEXTS[:128], "m", batch_size=128, return_exceptions=True)
    assert response.missing == [i for i in range(128) if i != 77]
    assert "text 5 is refused" in str(response.errors[5])


@pytest.mark.parametrize("status", [400, 422])
def test_without_return_exceptions_a_bad_input_ends_the_call(picky: Picky, poller: str, way: str, status: int) -> None:
    picky.reset(refusing({TEXTS[21]}, status))
    client = PerformanceClient(picky.url, "key")
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, way, "embed", TEXTS, "m", batch_size=10, max_concurrent_requests=1)
    failure: Any = raised.value
    assert picky.sizes == [10, 10, 10]
    assert list(failure.inputs) == list(range(20, 30))
    assert failure.missing == list(range(20, 1000))
    assert failure.response_partial.numpy(missing="nan")[19].tolist() == vector_of(TEXTS[19])
    with pytest.raises(requests.exceptions.HTTPError):
        streamed(client, way, TEXTS, batch_size=10)


@pytest.mark.parametrize("body", [{"error": "`inputs` must have less than 512 tokens. Given: 600"}, ""])
def test_without_return_exceptions_413_finds_the_input(picky: Picky, way: str, body: Any) -> None:
    """The call could have succeeded; now its exception names the only input that is too large."""
    picky.reset(refusing({TEXTS[21]}, 413, body))
    client = PerformanceClient(picky.url, "key")
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, way, "embed", TEXTS[:64], "m", batch_size=16, max_concurrent_requests=1)
    failure: Any = raised.value
    assert (list(failure.inputs), failure.batch_index) == ([21], 1)
    assert 21 in failure.missing and 0 not in failure.missing
    picky.reset(lambda inputs: None)
    client.embed(TEXTS[:64], "m", batch_size=16)
    assert picky.sizes == [16] * 4, "the length of one input is no limit of batches"


def test_a_client_is_gone_with_its_last_reference(picky: Picky, way: str) -> None:
    """What divided batches refers to no call, and no exception of theirs to itself."""
    picky.reset(refusing(BAD_TEXTS, 413))
    gc.collect()
    gc.disable()
    try:
        client = PerformanceClient(picky.url, "key")
        response = respond(client, way, "embed", TEXTS, "m", batch_size=128, return_exceptions=True)
        assert response.missing == BAD
        if not way:  # asyncio's frames refer to what they raise
            with pytest.raises(RequestFailed):
                client.embed(TEXTS, "m", batch_size=128)
        alive = weakref.ref(client)
        del client
        assert alive() is None
    finally:
        gc.enable()


def answered_and_missing(partial: Any, missing: list[int], count: int) -> None:
    """What was answered is there, and whatever is not is told."""
    array = partial.numpy(missing="nan")
    assert partial.missing == missing
    for i in range(count):
        assert numpy.isnan(array[i]).all() if i in missing else array[i].tolist() == vector_of(TEXTS[i])


@pytest.mark.parametrize("stop_at", [5, 9, 12])
@pytest.mark.parametrize("end", ["token", "close", "deadline"])
def test_a_call_that_is_stopped_while_batches_are_divided(
    picky: Picky, poller: str, way: str, end: str, stop_at: int
) -> None:
    """At a counted request; 4 batches of 16, of which one is bad, then its parts."""
    picky.reset(refusing({TEXTS[5]}), stop_at=stop_at)
    client = PerformanceClient(picky.url, "key")
    token = CancellationToken()

    def stop() -> None:
        picky.stopped.wait(30)
        token.cancel() if end == "token" else client.close()

    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 2, "return_exceptions": True}
    if end == "deadline":
        options["total_timeout_s"] = 0.5
    else:
        threading.Thread(target=stop, daemon=True).start()
    kind = requests.exceptions.Timeout if end == "deadline" else OperationCancelled
    with pytest.raises(kind) as raised:
        respond(client, way, "embed", TEXTS[:64], "m", cancel_token=token, **options)
    failure: Any = raised.value
    assert 5 in failure.missing
    answered_and_missing(failure.response_partial, failure.missing, 64)
    assert len(failure.response_partial.response_headers) == len(failure.response_partial.individual_request_times)
    if stop_at == 12:
        assert len(failure.missing) < 20


@pytest.mark.parametrize("stop_at", [5, 9])
def test_a_future_that_is_cancelled_while_batches_are_divided(picky: Picky, stop_at: int) -> None:
    picky.reset(refusing({TEXTS[5]}), stop_at=stop_at)
    client = PerformanceClient(picky.url, "key")

    async def run() -> Any:
        future = client.async_embed(TEXTS[:64], "m", batch_size=16, max_concurrent_requests=2, return_exceptions=True)
        await asyncio.to_thread(picky.stopped.wait, 30)
        future.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await future
        return raised.value

    partial = asyncio.run(run()).partial  # type: ignore[attr-defined]
    assert len(partial) == 64 and partial[5] is None
    picky.go_on.set()
    picky.reset(lambda inputs: None)
    assert client.embed(TEXTS[:4], "m").numpy().shape == (4, 3)


def test_a_stream_that_is_left_while_batches_are_divided(picky: Picky, way: str) -> None:
    picky.reset(refusing({TEXTS[20]}), stop_at=7)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 2, "return_exceptions": True}
    with client.iter_embed(iter(TEXTS), "m", **options) as stream:
        assert next(stream).start == 0
        picky.stopped.wait(30)
    assert stream.closed
    picky.go_on.set()


@pytest.mark.parametrize("seed", range(24))
def test_random_servers_against_a_model(picky: Picky, way: str, seed: int) -> None:
    """Bad inputs, limits by number and by length, batch sizes and concurrency at random: answers, errors, requests."""
    chance = random.Random(seed)
    count, batch_size = chance.randrange(1, 300), chance.choice((1, 2, 3, 8, 16, 50, 128))
    texts = [f"{i} " + "x" * chance.randrange(0, 30) for i in range(count)]
    bad = set(chance.sample(texts, chance.choice((0, 1, 2, min(count, 9)))))
    most = chance.choice((1, 5, 20, 10**6))
    long = chance.choice((60, 200, 10**6))
    named = chance.random() < 0.5

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        if len(inputs) > most:
            return 413, {"error": f"batch size {len(inputs)} > maximum allowed batch size {most}"}
        if sum(map(len, inputs)) > long:
            return too_many_tokens(long, named)(inputs)
        return refusing(bad)(inputs)

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": batch_size, "max_concurrent_requests": chance.choice((1, 3, 32))}
    wanted = [i for i, text in enumerate(texts) if text in bad or len(text) > long]
    for call in ("embed", "stream"):
        before = len(picky.sizes)
        if call == "embed":
            response = respond(client, way, "embed", texts, "m", return_exceptions=True, **options)
            missing, rows = response.missing, [None if item is None else item.embedding for item in response.data]
            errors = {i: list(failure.inputs) for i, failure in response.errors.items()}
        else:
            batches = streamed(client, way, texts, return_exceptions=True, **options)
            missing = [i for batch in batches for i in batch.missing]
            rows = [None if item is None else item.embedding for batch in batches for item in batch.data]
            errors = {i: list(failure.inputs) for batch in batches for i, failure in batch.errors.items()}
        if len(wanted) < count:
            assert missing == list(errors) == wanted
            assert errors == {i: [i] for i in wanted}
        assert rows == [None if i in wanted else vector_of(text) for i, text in enumerate(texts)]
        assert max(picky.sizes) <= batch_size
        smallest = max(1, min(batch_size, most, long // 40))
        spent = len(picky.sizes) - before
        assert spent <= 2 * bound(len(wanted), count, batch_size) + 4 * math.ceil(count / smallest)
        if most == long == 10**6:
            assert spent <= bound(len(wanted), count, batch_size)
