"""Usage: how many tokens an answer says that its request has cost."""

from __future__ import annotations

import re

from ..protocols import Completion
from .response_body import decoded, integer

_TOTAL_TOKENS = re.compile(rb'"usage"\s*:\s*\{.{0,1000}?"total_tokens"\s*:\s*(\d{1,15})', re.DOTALL)


def total_tokens(completion: Completion) -> int | None:
    """`usage.total_tokens` of a response (OpenAI API), whatever else it holds; None when there is none."""
    if not completion.msgpack:
        found = _TOTAL_TOKENS.search(completion.body)
        return int(found.group(1)) if found else None
    try:
        counted = integer(decoded(completion)["usage"]["total_tokens"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None  # of what is wrong with it, whoever reads the response tells
    return counted if counted is not None and counted >= 0 else None
