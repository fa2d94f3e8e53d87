"""Answers: response bodies decoded from JSON or MessagePack, and the refusal of what cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..completion import Completion
from ..late import load

if TYPE_CHECKING:
    from ..errors import InvalidResponse


def decoded(completion: Completion) -> Any:
    """The value of a response body, in the format that its content type tells. Raises InvalidResponse."""
    body = completion.body
    try:
        if completion.msgpack:
            messagepack = load("baseten_perf.operations.messagepack")
            return messagepack.loads(bytes(body))
        return orjson.loads(body if isinstance(body, bytes) else memoryview(body))
    except ValueError as refused:
        # Only its words: a variable that holds an exception would keep it, and all frames up to the caller's.
        reason = str(refused)
        # What orjson says of too deep a document depends on its version; no other error of it speaks of depth.
        too_deep = isinstance(refused, orjson.JSONDecodeError) and "depth" in refused.msg
    if too_deep:
        nested = load("baseten_perf.operations.nested")
        try:
            return nested.loads(bytes(body))
        except ValueError as refused:
            reason = str(refused)
    raise malformed(completion, reason) from None


def items(completion: Completion, expected: int, document: Any, what: str) -> list[Any]:
    """Check that `document` is a list of one item for each input of the batch. Raises InvalidResponse."""
    if not isinstance(document, list):
        raise malformed(completion, f"{what} must be a list, not {json_kind(document)}")
    if len(document) != expected:
        raise malformed(completion, f"{what} has {len(document)} items for {expected} inputs")
    return document


def floats(completion: Completion, scores: list[Any]) -> list[float]:
    """Check scores. Raises InvalidResponse."""
    kinds = set(map(type, scores))
    if kinds <= {float}:
        return scores
    if kinds <= {float, int}:
        return list(map(float, scores))
    raise malformed(completion, "a `score` is not a number")


def json_kind(value: Any) -> str:
    """What JSON calls the type of a decoded value; for those that only MessagePack has, what that calls them."""
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    kinds |= {bytes: "binary", tuple: "extension"}
    return kinds.get(type(value), "number")


def malformed(completion: Completion, reason: str) -> InvalidResponse:
    """The exception for a 2xx answer that cannot be used."""
    # Here and not above: errors loads requests, which a call that goes well never needs.
    refused: InvalidResponse = load("baseten_perf.errors").invalid_response(completion, reason)
    return refused
