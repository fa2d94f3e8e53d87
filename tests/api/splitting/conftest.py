"""Fixtures of the tests of batches that are refused: a server that refuses what it is told to, and ways to call it."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from baseten_perf import PerformanceClient

# What a server says of the inputs of a request: a status and an error's body, or None to answer it.
Refuse = Callable[[list[Any]], "tuple[int, Any] | None"]
TOO_LONG = {"error": {"message": "maximum context length is 8192 tokens"}}


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
        vectors = [self.vector_of(each) for each in inputs]
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

    @staticmethod
    def vector_of(text: Any) -> list[float]:
        """What an input is answered with."""
        return [float(len(text)), float(sum(text.encode()) if isinstance(text, str) else sum(text)), 0.5]

    @staticmethod
    def refusing(bad: set[Any], status: int = 400, body: Any = TOO_LONG) -> Refuse:
        """Refuse requests with one of these inputs."""
        return lambda inputs: (status, body) if any(each in bad for each in inputs) else None

    @staticmethod
    def too_many_tokens(most: int, named: bool = True) -> Refuse:
        """Refuse requests with more tokens, which are characters here; `named`: and say how many they may have."""

        def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
            tokens = sum(map(len, inputs))
            if tokens <= most:
                return None
            if named:
                return 400, {"error": {"message": f"Requested {tokens} tokens, max {most} tokens per request"}}
            return 400, {"message": "Too many tokens overall, split into more batches.", "code": "3210"}

        return refuse

    @staticmethod
    def bound(bad: int, inputs: int, batch: int) -> int:
        """How many requests may be spent to find so many bad inputs, each of which fails alone."""
        return 2 * bad * math.ceil(math.log2(batch)) + math.ceil(inputs / batch)

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


@pytest.fixture
def respond(way: str) -> Callable[..., Any]:
    """Call a method of a client in that way: `respond(client, "embed", texts, "m")`."""

    def call(client: PerformanceClient, method: str, *arguments: Any, **options: Any) -> Any:
        async def awaited() -> Any:
            return await getattr(client, f"async_{method}")(*arguments, **options)

        return asyncio.run(awaited()) if way else getattr(client, method)(*arguments, **options)

    return call


@pytest.fixture
def streamed(way: str) -> Callable[..., list[Any]]:
    """All batches of a stream of a client's: `streamed(client, texts)`."""

    def consume(client: PerformanceClient, texts: Any, **options: Any) -> list[Any]:
        async def awaited() -> list[Any]:
            return [batch async for batch in client.iter_embed(texts, "m", **options)]

        return asyncio.run(awaited()) if way else list(client.iter_embed(texts, "m", **options))

    return consume
