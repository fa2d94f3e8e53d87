"""PerformanceEmbeddings: what vector stores of LangChain embed texts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from ...pipelines.late_client import LateClient

if TYPE_CHECKING:
    from ...responses import OpenAIEmbeddingsResponse


class PerformanceEmbeddings(Embeddings):
    """Embeds documents and queries: `embed` of PerformanceClient, and `async_embed` where it is awaited.

    Parameters:
        base_url, model: as of PerformanceClient and of its `embed`.
        document_prompt, query_prompt: what each text begins with, such as "query: " for models that were trained so.
        query_body: `extra_body` of queries, such as {"input_type": "query"}; that of documents when it is left out.
        dimensions, url_path, extra_body: as of `embed`.
        connection: `api_key` (a str or SecretStr) or `api_key_env`, `preference` and the other keywords of
            PerformanceClient; or `client`, a PerformanceClient, in place of all these and of `base_url`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        model: str | None = None,
        *,
        document_prompt: str = "",
        query_prompt: str = "",
        query_body: Mapping[str, Any] | None = None,
        dimensions: int | None = None,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **connection: Any,
    ) -> None:
        self._late = LateClient(type(self).__name__, base_url, **connection)
        self._prompts = document_prompt, query_prompt
        details = {"model": model, "dimensions": dimensions, "url_path": url_path, "extra_body": extra_body}
        self._document: dict[str, Any] = details
        self._query: dict[str, Any] = {**details, "extra_body": extra_body if query_body is None else query_body}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text."""
        return _vectors(self._late.client.embed(self._documents(texts), **self._document)) if texts else []

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query."""
        return _vectors(self._late.client.embed([self._prompts[1] + text], **self._query))[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text."""
        return _vectors(await self._late.client.async_embed(self._documents(texts), **self._document)) if texts else []

    async def aembed_query(self, text: str) -> list[float]:
        """The vector of a query."""
        return _vectors(await self._late.client.async_embed([self._prompts[1] + text], **self._query))[0]

    def _documents(self, texts: list[str]) -> list[str]:
        prompt = self._prompts[0]
        return [prompt + text for text in texts] if prompt else texts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._late!r}, model={self._document['model']!r})"


def _vectors(response: OpenAIEmbeddingsResponse) -> list[list[float]]:
    vectors: list[list[float]] = response.numpy().tolist()
    return vectors
