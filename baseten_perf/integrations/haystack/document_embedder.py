"""PerformanceDocumentEmbedder: the component that embeds documents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

from .embedder import KEY, Embedder, meta_of

if TYPE_CHECKING:
    from ...responses import OpenAIEmbeddingsResponse


@component
class PerformanceDocumentEmbedder(Embedder):
    """Embeds documents: `embed` of PerformanceClient, or `async_embed` in an asynchronous pipeline.

    Parameters:
        meta_fields_to_embed: metadata that come before a document's content.
        embedding_separator: stands between them.
        progress_bar: whether a bar shows how far a run is.

    For the others see Embedder.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        api_key: Secret = KEY,
        prefix: str = "",
        suffix: str = "",
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        progress_bar: bool = False,
        embed_options: dict[str, Any] | None = None,
        client_options: dict[str, Any] | None = None,
    ) -> None:
        Embedder.__init__(
            self, base_url, model, api_key, prefix, suffix, embed_options, client_options, progress_bar=progress_bar,
            meta_fields_to_embed=meta_fields_to_embed, embedding_separator=embedding_separator,
        )  # fmt: skip
        self._embed_options["progress"] = progress_bar
        self._fields = meta_fields_to_embed or []
        self._separator = embedding_separator

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Copies of the documents with their vectors, as `documents`; `meta` has the model and the tokens."""
        texts = self._texts(documents)
        return _output(documents, self._client().embed(texts, **self._embed_options) if texts else None)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """As `run`."""
        texts = self._texts(documents)
        return _output(documents, await self._client().async_embed(texts, **self._embed_options) if texts else None)

    def _texts(self, documents: list[Document]) -> list[str]:
        for document in documents:
            if not isinstance(document, Document):
                raise TypeError(f"documents must be a list of Document, not of {type(document).__name__}")
        return [self._text(self._separator.join(self._parts(document))) for document in documents]

    def _parts(self, document: Document) -> list[str]:
        values = (document.meta.get(field) for field in self._fields)
        return [*(str(value) for value in values if value is not None), document.content or ""]


def _output(documents: list[Document], response: OpenAIEmbeddingsResponse | None) -> dict[str, Any]:
    if response is None:
        return {"documents": [], "meta": {}}
    vectors = response.numpy().tolist()
    pairs = zip(documents, vectors, strict=True)
    embedded = [replace(document, embedding=vector) for document, vector in pairs]
    return {"documents": embedded, "meta": meta_of(response)}
