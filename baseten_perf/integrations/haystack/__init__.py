"""Haystack: `PerformanceTextEmbedder` for queries, `PerformanceDocumentEmbedder` for documents.

Pipelines that were written down are loaded with `Pipeline.load(file, allowed_modules=["baseten_perf"])`.
"""

from .document_embedder import PerformanceDocumentEmbedder
from .text_embedder import PerformanceTextEmbedder

__all__ = ["PerformanceDocumentEmbedder", "PerformanceTextEmbedder"]
