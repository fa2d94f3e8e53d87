"""Rerank and classification on top of the deterministic embeddings."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .embeddings import embeddings

PROTOTYPES = {
    "negative": "bad terrible awful hate horrible worst wrong broken did not like it disappointing failure error sad",
    "neutral": "average ordinary neutral experience normal medium plain okay usual description general fact",
    "positive": "good great excellent love wonderful best right nice like it happy amazing perfect success thanks",
}
SHARPNESS = 8.0


def rerank_scores(query: str, texts: Sequence[str], *, raw_scores: bool) -> NDArray[numpy.float64]:
    """Cosine of the query and each text, mapped into (0, 1) by the sigmoid unless raw: shape (len(texts),)."""
    rows = embeddings([query, *texts]).astype(numpy.float64)
    cosines: NDArray[numpy.float64] = rows[1:] @ rows[0]
    return cosines if raw_scores else 1.0 / (1.0 + numpy.exp(-cosines))


@functools.lru_cache(maxsize=1)
def prototype_rows() -> NDArray[numpy.float64]:
    """One vector per label, in the order of PROTOTYPES."""
    return embeddings(list(PROTOTYPES.values())).astype(numpy.float64)


def label_scores(texts: Sequence[str], *, raw_scores: bool) -> list[list[tuple[str, float]]]:
    """Labels and scores of each text, best first; scores of a text add up to 1 unless raw."""
    logits = SHARPNESS * (embeddings(texts).astype(numpy.float64) @ prototype_rows().T)
    if raw_scores:
        scores = logits
    else:
        powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        scores = powers / powers.sum(axis=1, keepdims=True)
    labels = list(PROTOTYPES)
    return [sorted(zip(labels, row, strict=True), key=lambda pair: -pair[1]) for row in scores.tolist()]
