"""Skeleton: what an embeddings answer says besides its vectors, which are in the engine's matrix already."""

from __future__ import annotations

from typing import Any

from ..protocols import Completion
from . import irregular
from ._skeleton import read_usual, regular_form
from .response_body import decoded, integer, items, json_kind, malformed

# The BatchState; the embeddings if they are irregular, None if they are the batch's rows of the matrix; the place of
# each item in the batch, None if they are in order; the `object` of each item, None if it is what it always is; the
# model and the `object` of the answer, None for none; the tokens of the prompt, and all tokens.
Skeleton = tuple[int, "list[Any] | None", "list[int] | None", "list[str] | None", "str | None", "str | None", int, int]


def read(completion: Completion, count: int) -> Skeleton:
    """Read the skeleton of an answer to `count` inputs. Raises InvalidResponse."""
    # As nearly always, each input has its row of the matrix, and the rest looks as it should; what else there is takes
    # longer.
    placed = completion.placed == count and completion.vectors is None
    usual: Skeleton | None = read_usual(completion.body, count) if placed and not completion.msgpack else None
    if usual is not None:
        return usual
    document = decoded(completion)
    if not isinstance(document, dict):
        raise malformed(completion, f"the answer must be an object, not {json_kind(document)}")
    if document.get("data") is None:
        raise malformed(completion, "missing field `data`")
    entries = items(completion, count, document["data"], "`data`")
    state = regular_form(entries) if placed else 0
    read_items = (state, None, None, None) if state else irregular.read(completion, entries)
    usage = document.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt_tokens, total_tokens = _count(usage.get("prompt_tokens")), _count(usage.get("total_tokens"))
    return *read_items, _name(document.get("model")), _name(document.get("object")), prompt_tokens, total_tokens


# What nobody needs is no reason to lose the embeddings: where it is missing or nonsense, a default stands for it.


def _name(name: Any) -> str | None:
    return name if type(name) is str else None


def _count(tokens: Any) -> int:
    return max(0, integer(tokens) or 0)
