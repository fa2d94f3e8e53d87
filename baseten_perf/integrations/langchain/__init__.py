"""LangChain: `PerformanceEmbeddings` for vector stores, `PerformanceReranker` for retrievers that compress."""

from .embeddings import PerformanceEmbeddings
from .reranker import PerformanceReranker

__all__ = ["PerformanceEmbeddings", "PerformanceReranker"]
