"""Usage: how many tokens an answer says that its request has cost."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ..late import load

if TYPE_CHECKING:
    from ..protocols import Completion


@cache
def _in_json() -> re.Pattern[bytes]:
    return re.compile(rb'"usage"\s*:\s*\{.{0,1000}?"total_tokens"\s*:\s*(\d{1,15})', re.DOTALL)


def total_tokens(completion: Completion) -> int | None:
    """`usage.total_tokens` of a response (OpenAI API), whatever else it holds; None when there is none."""
    if not completion.msgpack:
        found = _in_json().search(completion.body)
        return int(found.group(1)) if found else None
    body = load("baseten_perf.operations.response_body")
    try:
        counted: int | None = body.integer(body.decoded(completion)["usage"]["total_tokens"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None  # of what is wrong with it, whoever reads the response tells
    return counted if counted is not None and counted >= 0 else None
