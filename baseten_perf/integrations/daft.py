"""Daft: a provider for `daft.functions.embed_text(column, provider=PerformanceProvider(base_url), model=...)`."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

from daft import DataType
from daft.ai.protocols import TextEmbedder, TextEmbedderDescriptor
from daft.ai.provider import Provider
from daft.ai.typing import EmbeddingDimensions, UDFOptions

from ..pipelines import Embedder
from ..pipelines.stage import OnError

if TYPE_CHECKING:
    from daft.ai.typing import Embedding

NAME = "baseten_perf"


class PerformanceProvider(Provider):
    """Embeds Daft's columns through PerformanceClient, all batches of a worker over one connection pool.

    Parameters:
        base_url: as of PerformanceClient.
        options: keywords of baseten_perf.pipelines.Embedder: api_key, api_key_env, preference, extra_body, ...

    Options of `embed_text`: `batch_size` is the number of rows that Daft hands over at a time (all of a partition when
    it is left out), not of inputs per request, which `preference` tells. `on_error="log"` or `"ignore"` gives null to
    rows that fail, and to no others. Retries are the client's.
    """

    def __init__(self, base_url: str, **options: Any) -> None:
        self._base_url = base_url
        self._options = options
        Embedder(base_url, **options)  # what is wrong is told here

    @property
    def name(self) -> str:
        return NAME

    def get_text_embedder(
        self, model: str | None = None, dimensions: int | None = None, **options: Any
    ) -> TextEmbedderDescriptor:
        on_error: OnError = "raise" if options.get("on_error", "raise") == "raise" else "null"
        stage = Embedder(self._base_url, model, dimensions=dimensions, on_error=on_error, **self._options)
        return Descriptor(stage, model or "", dimensions, options)


@dataclass
class Descriptor(TextEmbedderDescriptor):
    """What Daft sends to its workers."""

    stage: Embedder
    model: str
    dimensions: int | None
    options: dict[str, Any] = field(default_factory=dict)

    def get_provider(self) -> str:
        return NAME

    def get_model(self) -> str:
        return self.model

    def get_options(self) -> dict[str, Any]:
        return dict(self.options)

    def get_dimensions(self) -> EmbeddingDimensions:
        """As they were given; else those of a text that is embedded for this."""
        size = self.dimensions or self.stage({"text": ["dimension"]})["embedding"].shape[1]
        return EmbeddingDimensions(size=size, dtype=DataType.float32())

    def get_udf_options(self) -> UDFOptions:
        options = super().get_udf_options()
        options.max_retries = 0
        return options

    def instantiate(self) -> TextEmbedder:
        return StageEmbedder(self.stage)


class StageEmbedder(TextEmbedder):
    """An Embedder with the method that Daft calls."""

    def __init__(self, stage: Embedder) -> None:
        self._stage = stage

    def embed_text(self, text: list[str]) -> list[Embedding]:
        rows = self._stage({"text": text})["embedding"]
        return [None if row is None or isnan(row[0]) else row for row in rows]  # NaN is no vector's
