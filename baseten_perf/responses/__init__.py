"""Result classes: plain values with read-only attributes, compared by value, that can be pickled and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import attributes

if TYPE_CHECKING:
    from .batch import ClassificationBatch, EmbeddingsBatch, PostedBatch
    from .batch_post import BatchPostResponse
    from .classification import ClassificationResponse, ClassificationResult
    from .embeddings import OpenAIEmbeddingData, OpenAIEmbeddingsResponse, OpenAIUsage
    from .rerank import RerankResponse, RerankResult

__all__ = [
    "BatchPostResponse",
    "ClassificationBatch",
    "ClassificationResponse",
    "ClassificationResult",
    "EmbeddingsBatch",
    "OpenAIEmbeddingData",
    "OpenAIEmbeddingsResponse",
    "OpenAIUsage",
    "PostedBatch",
    "RerankResponse",
    "RerankResult",
]

__getattr__ = attributes(
    __name__,
    {
        "BatchPostResponse": "batch_post",
        "ClassificationBatch": "batch",
        "ClassificationResponse": "classification",
        "ClassificationResult": "classification",
        "EmbeddingsBatch": "batch",
        "OpenAIEmbeddingData": "embeddings",
        "OpenAIEmbeddingsResponse": "embeddings",
        "OpenAIUsage": "embeddings",
        "PostedBatch": "batch",
        "RerankResponse": "rerank",
        "RerankResult": "rerank",
    },
)
