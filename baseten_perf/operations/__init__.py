"""What each call means, without any I/O: its request bodies, how its answers merge, and its response."""

from __future__ import annotations

from .batching import ONE_BATCH, BatchSize
from .classify import Classify
from .embed import Embed
from .learned import Learned
from .operation import Operation
from .post import Post
from .rerank import Rerank
from .source import GatheredPayloads, GatheredTexts, GatheredTokens
from .system_one import SystemOne

__all__ = [
    "ONE_BATCH",
    "BatchSize",
    "Classify",
    "Embed",
    "GatheredPayloads",
    "GatheredTexts",
    "GatheredTokens",
    "Learned",
    "Operation",
    "Post",
    "Rerank",
    "SystemOne",
]
