"""LlamaIndex: `PerformanceEmbedding`, an embed_model for its indexes and ingestion pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import Field, PrivateAttr, SecretStr, field_serializer

from ..http.urls import shown_url
from ..pipelines.late_client import LateClient

if TYPE_CHECKING:
    from ..responses import OpenAIEmbeddingsResponse

MOST_TEXTS = 2048  # that LlamaIndex allows in a call


class PerformanceEmbedding(BaseEmbedding):
    """Embeds nodes and queries: `embed` of PerformanceClient, and `async_embed` where it is awaited.

    What LlamaIndex writes down of it (`to_dict`, `to_json`) has neither keys nor passwords nor `connection`.

    Parameters:
        base_url, model_name: as `base_url` of PerformanceClient and `model` of its `embed`.
        query_instruction, text_instruction: what queries and other texts begin with, such as "query: ".
        dimensions, url_path, extra_body: as of `embed`.
        embed_batch_size: texts of a call, 1 to 2048; `preference` says how many a request carries.
        options: other fields of BaseEmbedding; `api_key` (a str or SecretStr) or `api_key_env`, `preference` and the
            other keywords of PerformanceClient; or `client`, a PerformanceClient, in place of all these and `base_url`.
    """

    base_url: str | None = Field(default=None, repr=False)
    api_key_env: str | None = None
    query_instruction: str = ""
    text_instruction: str = ""
    dimensions: int | None = None
    url_path: str | None = None
    extra_body: dict[str, Any] | None = None
    connection: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    _late: LateClient = PrivateAttr()

    def __init__(
        self,
        base_url: str | None = None,
        model_name: str = "",
        *,
        embed_batch_size: int = MOST_TEXTS,
        connection: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        connection = dict(connection or {})  # that of a pickle
        for name in options.keys() - type(self).model_fields.keys():
            connection[name] = options.pop(name)
        if isinstance(connection.get("api_key"), str):
            connection["api_key"] = SecretStr(connection["api_key"])
        options |= {"base_url": base_url, "model_name": model_name, "embed_batch_size": embed_batch_size}
        options["connection"] = connection
        super().__init__(**options)
        self._late = LateClient(self.class_name(), base_url, api_key_env=self.api_key_env, **connection)

    @classmethod
    def class_name(cls) -> str:
        return "PerformanceEmbedding"

    @field_serializer("base_url")
    def _shown(self, base_url: str | None) -> str | None:
        return None if base_url is None else shown_url(base_url)

    def _asked(self, start: str, texts: list[str]) -> dict[str, Any]:
        return {
            "input": [start + text for text in texts], "model": self.model_name or None,
            "dimensions": self.dimensions, "url_path": self.url_path, "extra_body": self.extra_body,
        }  # fmt: skip

    def _get_query_embedding(self, query: str) -> list[float]:
        return _vectors(self._late.client.embed(**self._asked(self.query_instruction, [query])))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return _vectors(await self._late.client.async_embed(**self._asked(self.query_instruction, [query])))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return _vectors(self._late.client.embed(**self._asked(self.text_instruction, texts)))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return _vectors(await self._late.client.async_embed(**self._asked(self.text_instruction, texts)))


def _vectors(response: OpenAIEmbeddingsResponse) -> list[list[float]]:
    vectors: list[list[float]] = response.numpy().tolist()
    return vectors
