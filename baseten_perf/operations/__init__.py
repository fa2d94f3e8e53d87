"""What each call means, without any I/O: its request bodies, how its answers merge, and its response."""

from __future__ import annotations

from .batching import ONE_BATCH
from .classify import Classify
from .embed import Embed
from .operation import Operation
from .post import Post
from .rerank import Rerank
from .source import GatheredPayloads, GatheredTexts, GatheredTokens
from .system_one import SystemOne

__all__ = [
    "ONE_BATCH",
    "Classify",
    "Embed",
    "GatheredPayloads",
    "GatheredTexts",
    "GatheredTokens",
    "Operation",
    "Post",
    "Rerank",
    "SystemOne",
]
