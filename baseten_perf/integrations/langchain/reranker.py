"""PerformanceReranker: sorts the documents that a retriever of LangChain has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import PrivateAttr

from ...pipelines.late_client import LateClient

if TYPE_CHECKING:
    from langchain_core.callbacks import Callbacks

    from ...responses import RerankResponse


class PerformanceReranker(BaseDocumentCompressor):
    """Sorts documents by their relevance to a query, best first: `rerank` of PerformanceClient, and `async_rerank`.

    Each has its score in the metadata, as "relevance_score".

    Parameters:
        base_url, model: as of PerformanceClient and of its `rerank`.
        top_n: the best so many, at least 1; None gives all.
        api, raw_scores, truncate, url_path, extra_body: as of `rerank`.
        connection: as of PerformanceEmbeddings.
    """

    top_n: int | None = None
    _late: LateClient = PrivateAttr()
    _details: dict[str, Any] = PrivateAttr()

    def __init__(
        self,
        base_url: str | None = None,
        model: str | None = None,
        *,
        top_n: int | None = None,
        api: Literal["tei", "cohere"] = "tei",
        raw_scores: bool = False,
        truncate: bool = False,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **connection: Any,
    ) -> None:
        super().__init__()
        self.top_n = top_n
        self._late = LateClient(type(self).__name__, base_url, **connection)
        self._details = {
            "model": model, "api": api, "raw_scores": raw_scores, "truncate": truncate, "url_path": url_path,
            "extra_body": extra_body,
        }  # fmt: skip

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Copies of the documents, best first."""
        return _best(documents, self._late.client.rerank(query, **self._asked(documents))) if documents else []

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Copies of the documents, best first."""
        if not documents:
            return []
        return _best(documents, await self._late.client.async_rerank(query, **self._asked(documents)))

    def _asked(self, documents: Sequence[Document]) -> dict[str, Any]:
        best = len(documents) if self.top_n is None else self.top_n
        return {**self._details, "texts": [document.page_content for document in documents], "top_n": best}


def _best(documents: Sequence[Document], response: RerankResponse) -> list[Document]:
    best = [(documents[result.index], result.score) for result in response.data]
    return [
        document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
        for document, score in best
    ]
