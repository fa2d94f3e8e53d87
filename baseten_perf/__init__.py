"""The fastest Python client for embeddings, reranking, classification and massive concurrent JSON POSTs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from . import engine as _engine  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "baseten_perf.engine._engine":
        raise
    raise ImportError(
        f"{__path__[0]} is not compiled for this Python: `pip install .` and run from another folder, "
        "or compile in place with `python setup.py build_ext --inplace`"
    ) from None

from ._version import __version__
from .cancellation import CancellationToken
from .client import PerformanceClient, Stream
from .connection_pool import HttpClientWrapper
from .endpoints import Endpoint, EndpointHealth, EndpointPool
from .exceptions import InvalidResponse, OperationCancelled, RequestFailed
from .http.trace import TraceContext
from .late import load
from .policy import RequestProcessingPreference
from .post_request import PostRequest
from .responses import (
    BatchPostResponse,
    ClassificationBatch,
    ClassificationResponse,
    ClassificationResult,
    EmbeddingsBatch,
    OpenAIEmbeddingData,
    OpenAIEmbeddingsResponse,
    OpenAIUsage,
    PostedBatch,
    RerankResponse,
    RerankResult,
)

if TYPE_CHECKING:
    from .errors import APIConnectionError, APIStatusError, APITimeoutError

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "BatchPostResponse",
    "CancellationToken",
    "ClassificationBatch",
    "ClassificationResponse",
    "ClassificationResult",
    "EmbeddingsBatch",
    "Endpoint",
    "EndpointHealth",
    "EndpointPool",
    "HttpClientWrapper",
    "InvalidResponse",
    "OpenAIEmbeddingData",
    "OpenAIEmbeddingsResponse",
    "OpenAIUsage",
    "OperationCancelled",
    "PerformanceClient",
    "PostRequest",
    "PostedBatch",
    "RequestFailed",
    "RequestProcessingPreference",
    "RerankResponse",
    "RerankResult",
    "Stream",
    "TraceContext",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # These classes are requests' children, and requests takes as long to import as all the rest.
    if name in ("APIConnectionError", "APIStatusError", "APITimeoutError"):
        return getattr(load("baseten_perf.errors"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
