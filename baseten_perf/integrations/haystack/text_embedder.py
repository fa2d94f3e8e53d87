"""PerformanceTextEmbedder: the component that embeds a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import component
from haystack.utils import Secret

from .embedder import KEY, Embedder, meta_of

if TYPE_CHECKING:
    from ...responses import OpenAIEmbeddingsResponse


@component
class PerformanceTextEmbedder(Embedder):
    """Embeds a text: `embed` of PerformanceClient, or `async_embed` in an asynchronous pipeline.

    Parameters: see Embedder.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        api_key: Secret = KEY,
        prefix: str = "",
        suffix: str = "",
        embed_options: dict[str, Any] | None = None,
        client_options: dict[str, Any] | None = None,
    ) -> None:
        Embedder.__init__(self, base_url, model, api_key, prefix, suffix, embed_options, client_options)

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """The vector of the text, as `embedding`; `meta` has the model and the tokens."""
        return _output(self._client().embed(self._input(text), **self._embed_options))

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        """As `run`."""
        return _output(await self._client().async_embed(self._input(text), **self._embed_options))

    def _input(self, text: str) -> list[str]:
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, not {type(text).__name__}; PerformanceDocumentEmbedder has documents")
        return [self._text(text)]


def _output(response: OpenAIEmbeddingsResponse) -> dict[str, Any]:
    return {"embedding": response.data[0].embedding, "meta": meta_of(response)}
