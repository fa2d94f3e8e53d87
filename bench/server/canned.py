"""The canned answers, and the right results that a client must make of them.

A route names an answer: "tiny", "closing" (tiny, and the connection ends), "ranking", "classify", or the shape of
embeddings, inputs x floats, "16x1024", with words that follow: "16x1024_base64", and "16x1024_gzip" or "16x1024_br" for
an answer in that content coding.
"""

from __future__ import annotations

import base64
import gzip
import importlib
import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

TINY = {"ok": True, "label": "tiny", "value": 42}
_RERANK_TEXTS = 32
_GZIP_LEVEL, _BR_QUALITY = 6, 5  # what servers take for answers that they compress as they go
_LABELS = ("positive", "neutral", "negative")


class Body(NamedTuple):
    """An answer as it is sent; coding: its Content-Encoding, "" for none."""

    content: bytes
    coding: str


def vectors(route: str) -> NDArray[numpy.float32]:
    """The embeddings behind an embeddings route: unit vectors, (inputs, dim) float32, the same in every process."""
    inputs, dim = route.partition("_")[0].split("x")
    rows = numpy.random.default_rng(7).standard_normal((int(inputs), int(dim)), dtype=numpy.float32)
    unit: NDArray[numpy.float32] = (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)
    return unit


def rerank_answer() -> list[dict[str, Any]]:
    """Best score first, as rerankers answer; the index says which text it is."""
    order = numpy.random.default_rng(8).permutation(_RERANK_TEXTS).tolist()
    return [{"index": index, "score": 1.0 / (place + 1.5)} for place, index in enumerate(order)]


def classify_answer() -> list[list[dict[str, Any]]]:
    """Three labels with their scores for each text."""
    return [
        [{"label": label, "score": 1.0 / (text + place + 2)} for place, label in enumerate(_LABELS)]
        for text in range(_RERANK_TEXTS)
    ]


def _embeddings_answer(route: str) -> dict[str, Any]:
    """As a float32 model behind a Python server prints it: the float64 of each float32, up to 17 significant digits."""
    rows = vectors(route)
    if "base64" in route.split("_"):
        values: list[Any] = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in rows]
    else:
        values = rows.tolist()
    items = [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(values)]
    usage = {"prompt_tokens": 3 * len(items), "total_tokens": 3 * len(items)}
    return {"object": "list", "data": items, "model": "m", "usage": usage}


def bodies(routes: Iterable[str]) -> dict[str, Body]:
    """Paths of the server (`/<route>/<path of the API>`) with their answers; "tiny" is always among them."""
    answers: dict[str, Any] = {"/tiny/tiny": TINY}
    for route in routes:
        if route == "closing":
            answers["/closing/tiny"] = TINY
        elif route == "ranking":
            answers["/ranking/rerank"] = rerank_answer()
        elif route == "classify":
            answers["/classify/predict"] = classify_answer()
        elif route != "tiny":
            answers[f"/{route}/v1/embeddings"] = _embeddings_answer(route)
    return {path: _body(path, json.dumps(answer).encode()) for path, answer in answers.items()}


def _body(path: str, content: bytes) -> Body:
    for coding in path.split("/")[1].split("_"):
        if coding in _COMPRESS:
            return Body(_COMPRESS[coding](content), coding)
    return Body(content, "")


def _br(content: bytes) -> bytes:
    compressed: bytes = importlib.import_module("brotli").compress(content, quality=_BR_QUALITY)
    return compressed


_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, _GZIP_LEVEL, mtime=0),
    "br": _br,
}
