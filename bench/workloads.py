"""What can be asked of a peer: how much, with which canned answer; and the table of workloads of run.py."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy

from bench.peers import Entry
from bench.texts import texts

COLD_KINDS = ("import", "first_answer")  # carried out by cold.py
_PYTHON_S = 1.2  # for one of up to three repetitions of a peer written in Python
_QUICK_PYTHON_S = 0.2
_QUICK_PYTHON_REQUESTS = 16
_LEAST_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Amount:
    """Requests of a repetition, and of the untimed warm-up that opens the connections.

    When seconds is not 0, a repetition makes only as many requests as fit in that time at the warm-up's rate, but at
    least `least`: slow peers are measured per request, not for a quarter of an hour.
    """

    requests: int
    warm_up: int
    least: int
    seconds: float

    def sized(self, warm_up_s: float) -> int:
        """The requests of a repetition, when the warm-up has taken so long."""
        if not self.seconds:
            return self.requests
        return min(self.requests, max(self.least, int(self.seconds * self.warm_up / warm_up_s)))

    def as_json(self) -> str:
        """For the command line of a child."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Workload:
    """What a peer is asked to do.

    kind: the name of the method of a peer that carries it out ("import" and "first_answer": see cold.py).
    requests: how many HTTP requests (or clients, or imports) one repetition makes.
    route: which canned answer (server/canned.py); batch: inputs per request; dim: floats per input (0: no vectors).
    concurrency: requests in flight at once; for_memory: peak RSS is what counts, so the warm-up is two requests only.
    repetitions: calls of the same size in one process, as a pipeline makes them; the first has to have memory cleared.
    text_length: characters of a text; 0: short ones. column: the package whose column the texts are in; "": a list.
    https: the HTTP version to speak over TLS; 0: no TLS.
    kept: the arrays of all repetitions are held, so that memory is never used twice.
    max_runs, max_python_runs: at most so many of the `--runs`, where one takes long.
    """

    name: str
    kind: str
    about: str
    requests: int
    route: str = "tiny"
    batch: int = 1
    dim: int = 0
    concurrency: int = 128
    repetitions: int = 1
    for_memory: bool = False
    text_length: int = 0
    column: str = ""
    kept: bool = False
    https: int = 0
    max_runs: int = 1_000_000
    max_python_runs: int = 1_000_000

    def as_json(self) -> str:
        """For the command line of a child."""
        return json.dumps(asdict(self))

    def amount(self, entry: Entry, *, quick: bool) -> Amount:
        """What one measurement does. A native peer makes all requests, so that its runs are long enough to trust."""
        requests = max(self.requests // 16, 1) if quick else self.requests
        if entry.native or self.for_memory:
            warm_up = 2 if self.for_memory else max(2 * self.concurrency, _LEAST_WARM_UP)
            return Amount(requests, min(warm_up, requests), requests, 0.0)
        if quick:
            warm_up = min(requests, _QUICK_PYTHON_REQUESTS)
            return Amount(requests, warm_up, warm_up, _QUICK_PYTHON_S)
        warm_up = min(max(self.concurrency, _LEAST_WARM_UP), requests)
        return Amount(requests, warm_up, entry.waves * warm_up, _PYTHON_S * min(1.0, 3 / self.repetitions))

    @property
    def routes(self) -> tuple[str, ...]:
        """Those that the server must have: floats also in base64, for whoever asks for them so."""
        return (self.route, f"{self.route}_base64") if self.dim else (self.route,)

    def array_mb(self, requests: int) -> float:
        """Size of the resulting float32 array, in MB (10**6 bytes)."""
        return requests * self.batch * self.dim * 4 / 1e6

    def inputs(self, requests: int, url: str) -> Any:
        """What the peer's method is given: base URLs of clients to be, payloads for the post kinds, or texts.

        embed_out: a pair, texts and an array whose memory is there, with no number in it.
        """
        if self.kind == "create":
            return [url] * requests
        if self.kind.startswith("post"):
            return [{"id": number, "text": "hello"} for number in range(requests)]
        inputs = texts(requests * self.batch, self.text_length)
        if self.kind == "embed_out":
            return inputs, numpy.full((len(inputs), self.dim), numpy.nan, numpy.float32)
        return _COLUMNS[self.column](inputs) if self.column else inputs


def _pandas(inputs: list[str]) -> Any:
    return importlib.import_module("pandas").Series(inputs)


def _pyarrow(inputs: list[str]) -> Any:
    return importlib.import_module("pyarrow").array(inputs)


_COLUMNS = {"pandas": _pandas, "pyarrow": _pyarrow}


def _embed(
    name: str, about: str, requests: int, route: str = "16x1024", dim: int = 1024, kind: str = "embed", *,
    batch: int = 16, concurrency: int = 64, repetitions: int = 3, **more: Any,
) -> Workload:
    """A variant of embed_16x1024. Peers in Python are far behind here: two rounds tell it."""
    return Workload(
        name, kind, about, requests, route, batch, dim, concurrency, repetitions, max_python_runs=2, **more
    )


_KEPT = 20  # arrays, of 26 to 40 MB
_TABLE = (
    Workload("tiny_128", "post", "batch_post of tiny payloads", 20_000, repetitions=3),
    Workload("tiny_512", "post", "batch_post of tiny payloads", 20_000, concurrency=512, repetitions=3),
    Workload("embed_16x1024", "embed", "embed, floats as JSON -> numpy", 2_000, "16x1024", 16, 1024, 64, 3),
    Workload("embed_128x1024", "embed", "embed, floats as JSON -> numpy", 300, "128x1024", 128, 1024, 16, 3),
    Workload("base64_16x1024", "embed_base64", "embed, base64 -> numpy", 3_000, "16x1024_base64", 16, 1024, 64, 3),
    Workload("sequential", "post_one_by_one", "sync calls one after the other, tiny payloads", 2_000, concurrency=1),
    Workload("sync_embed", "embed_one_by_one", "sync embeds of one text each, one by one", 2_000, "1x384", 1, 384, 1),
    Workload("async_embed_1", "embed_each", "async_embed of one text each, one by one", 2_000, "1x384", 1, 384, 1),
    Workload("async_embed_128", "embed_each", "async_embed of one text each", 8_000, "1x384", 1, 384),
    Workload("async_embed_2000", "embed_each", "async_embed of one text each", 8_000, "1x384", 1, 384, 2_000),
    Workload("async_post_128", "post_each", "async_batch_post of one tiny payload each", 10_000),
    Workload("async_post_2000", "post_each", "async_batch_post of one tiny payload each", 10_000, concurrency=2_000),
    Workload("rerank", "rerank", "rerank of one long list of texts", 4_000, "ranking", 32, repetitions=3),
    Workload("classify", "classify", "classify of one long list of texts", 4_000, "classify", 32, repetitions=3),
    Workload("one_vector_embeds", "embed", "embed, one text a request -> numpy", 8_000, "1x384", 1, 384, repetitions=3),
    _embed("real_texts", "embed of texts of 2 000 characters -> numpy", 2_000, "16x384", 384, text_length=2_000),
    _embed("column_pandas", "the same texts in a pandas Series", 2_000, "16x384", 384, "embed_column",
           text_length=2_000, column="pandas"),
    _embed("column_pyarrow", "the same texts in an Arrow array", 2_000, "16x384", 384, "embed_column",
           text_length=2_000, column="pyarrow"),
    _embed("list_of_lists", "embed, floats as JSON -> lists of floats", 400, kind="embed_lists"),
    _embed("out_array", "embed, floats as JSON -> a numpy array that was there before", 2_000, kind="embed_out"),
    _embed("stream", "a stream of batches, floats as JSON -> numpy", 2_000, kind="embed_stream"),
    _embed("gzip_16x1024", "embed, floats as JSON in gzip -> numpy", 1_000, "16x1024_gzip"),
    _embed("br_16x1024", "embed, floats as JSON in Brotli -> numpy", 1_000, "16x1024_br"),
    _embed("kept_16x1024", "embed, floats as JSON -> numpy, all kept", 400, repetitions=_KEPT, kept=True),
    _embed("kept_128x1024", "embed, floats as JSON -> numpy, all kept", 60, "128x1024", batch=128, concurrency=16,
           repetitions=_KEPT, kept=True),
    _embed("kept_base64_16x1024", "embed, base64 -> numpy, all kept", 600, "16x1024_base64", kind="embed_base64",
           repetitions=_KEPT, kept=True),
    Workload("tls_tiny", "post", "batch_post of tiny payloads over TLS", 20_000, repetitions=3, https=1),
    _embed("tls_embed_16x1024", "embed over TLS, floats as JSON -> numpy", 2_000, https=1),
    _embed("tls_base64_16x1024", "embed over TLS, base64 -> numpy", 3_000, "16x1024_base64", kind="embed_base64",
           https=1),
    Workload(
        "tls_sync", "embed_one_by_one", "sync embeds of one text each, one by one, over TLS", 2_000, "1x384", 1, 384, 1,
        https=1,
    ),
    Workload(
        "tls_handshakes", "post_fresh", "a new client, a new connection for each tiny payload", 128, "closing",
        repetitions=5, https=1,
    ),
    Workload("h2_tiny", "post", "batch_post of tiny payloads over HTTP/2", 20_000, repetitions=3, https=2),
    _embed("h2_embed_16x1024", "embed over HTTP/2, floats as JSON -> numpy", 2_000, https=2),
    Workload(
        "memory", "embed", "embed of many short texts -> numpy, peak RSS", 1_024, "128x1024", 128, 1024, 32,
        for_memory=True, max_runs=2, max_python_runs=1,
    ),
    Workload("import_time", "import", "import of the package, fresh interpreter", 1, concurrency=1),
    Workload("client_creation", "create", "making a client", 20, concurrency=1),
    Workload("first_answer", "first_answer", "import + client + first answer, fresh interpreter", 1, concurrency=1),
)

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in _TABLE}

# What tables and pictures call them, in this order, by theme.
THEMES = {
    "Calls": {
        "tiny_128": "tiny POST, 128 at a time",
        "tiny_512": "tiny POST, 512 at a time",
        "sync_embed": "sync embeds, one by one",
        "sequential": "sync calls, one by one",
        "async_embed_1": "async embeds, one by one",
        "async_embed_128": "async embeds, 128 at a time",
        "async_embed_2000": "async embeds, 2000 at a time",
        "async_post_128": "async POSTs, 128 at a time",
        "async_post_2000": "async POSTs, 2000 at a time",
    },
    "Batches": {
        "one_vector_embeds": "embed JSON, 1 a request",
        "embed_16x1024": "embed JSON, 16 a request",
        "embed_128x1024": "embed JSON, 128 a request",
        "base64_16x1024": "embed base64, 16 a request",
        "list_of_lists": "lists of floats, 16 a request",
        "out_array": "out=, 16 a request",
        "stream": "stream, 16 a request",
        "real_texts": "2 000 characters, 16 a request",
        "column_pandas": "the same in a Series",
        "column_pyarrow": "the same in Arrow",
        "gzip_16x1024": "JSON in gzip, 16 a request",
        "br_16x1024": "JSON in br, 16 a request",
        "rerank": "rerank, 32 a request",
        "classify": "classify, 32 a request",
    },
    "TLS": {
        "tls_tiny": "TLS: tiny POST, 128 at a time",
        "tls_embed_16x1024": "TLS: embed JSON, 16 a request",
        "tls_base64_16x1024": "TLS: embed base64, 16 a request",
        "tls_sync": "TLS: sync embeds, one by one",
        "tls_handshakes": "TLS: 128 new connections",
        "h2_tiny": "tiny POST, HTTP/2",
        "h2_embed_16x1024": "embed JSON, HTTP/2",
    },
    "Kept results": {
        "kept_16x1024": "kept JSON, 16 a request",
        "kept_128x1024": "kept JSON, 128 a request",
        "kept_base64_16x1024": "kept base64, 16 a request",
    },
}
LABELS = {name: label for theme in THEMES.values() for name, label in theme.items()}
