"""What each call means, without any I/O: its request bodies, how its answers merge, and its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..late import attributes, load

if TYPE_CHECKING:
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

# Most programs use one or two of them.
_operation = attributes(
    __name__,
    {
        "ONE_BATCH": "batching",
        "Classify": "classify",
        "Embed": "embed",
        "GatheredPayloads": "source",
        "GatheredTexts": "source",
        "GatheredTokens": "source",
        "Operation": "operation",
        "Post": "post",
        "Rerank": "rerank",
        "SystemOne": "system_one",
    },
)


def __getattr__(name: str) -> Any:
    if name == "Embed":
        load("baseten_perf.operations.quick_json").orjson.dumps  # noqa: B018
    return _operation(name)
