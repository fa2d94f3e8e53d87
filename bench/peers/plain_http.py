"""What the hand-written peers share: batches, payloads and results around plain HTTP requests."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.peers.answers import base64_rows, classified, lists, ranked, rows, whole
from bench.peers.lanes import batches
from bench.peers.peer import BasePeer

EMBEDDINGS = "/v1/embeddings"


class PlainHttpPeer(BasePeer):
    """A subclass says how JSON payloads are posted to base_url + path; it raises for any status but 2xx.

    Each parsed answer becomes a result as it arrives, so none is held as text.
    """

    @abstractmethod
    def answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        """Posts the payloads, `concurrency` at a time; the results in their order."""

    @abstractmethod
    def blocking_answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        """Posts one payload after the other, blocking."""

    def post(self, payloads: list[Any]) -> list[Any]:
        return self.answers("/tiny", payloads, whole)

    def post_one_by_one(self, payloads: list[Any]) -> list[Any]:
        return self.blocking_answers("/tiny", payloads, whole)

    def embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        return numpy.concatenate(self.embed_stream(texts))

    def embed_stream(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return self.answers(EMBEDDINGS, self._batches(texts), rows)

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        return numpy.concatenate(self.answers(EMBEDDINGS, self._batches(texts, encoding_format="base64"), base64_rows))

    def embed_lists(self, texts: list[str]) -> list[list[float]]:
        parts = self.answers(EMBEDDINGS, self._batches(texts), lists)
        return [vector for part in parts for vector in part]

    def embed_one_by_one(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return self.blocking_answers(EMBEDDINGS, singles(texts), row)

    def rerank(self, texts: list[str]) -> list[tuple[int, float]]:
        payloads = [{"query": "query", "texts": batch} for batch in batches(texts, self.batch)]
        return ranked(self.answers("/rerank", payloads, whole), self.batch)

    def classify(self, texts: list[str]) -> list[list[tuple[str, float]]]:
        payloads = [{"inputs": [[text] for text in batch]} for batch in batches(texts, self.batch)]
        return classified(self.answers("/predict", payloads, whole))

    def _batches(self, texts: list[str], **more: str) -> list[Any]:
        return [{"input": batch, "model": "m", **more} for batch in batches(texts, self.batch)]


def singles(texts: list[str]) -> list[Any]:
    """A payload for each text."""
    return [{"input": [text], "model": "m"} for text in texts]


def row(answer: dict[str, Any]) -> NDArray[numpy.float32]:
    """An embeddings answer of one input -> (dim,)."""
    only: NDArray[numpy.float32] = rows(answer)[0]
    return only
