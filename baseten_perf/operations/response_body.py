"""Answers: response bodies decoded from JSON or MessagePack, and the refusal of what cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..late import load
from ..protocols import Completion
from . import python_json
from ._json import orjson_may_read
from .quick_json import is_to_read, orjson

if TYPE_CHECKING:
    from ..exceptions import InvalidResponse


def decoded(completion: Completion) -> Any:
    """The value of a response body, in the format that its content type tells: of JSON what Python's json makes of it.

    Raises InvalidResponse; MemoryError.
    """
    body = completion.body
    if not completion.msgpack and is_to_read(body) and orjson_may_read(body):
        try:
            return orjson.loads(body if isinstance(body, bytes) else memoryview(body))
        except (ValueError, OSError, ImportError):
            # It cannot be loaded; or it is stricter than Python's json, which reads it below or says what is wrong.
            pass
    try:
        if completion.msgpack:
            messagepack = load("baseten_perf.operations.messagepack")
            return messagepack.loads(bytes(body))
        return python_json.loads(body)
    except ValueError as refused:
        # Only its words: a variable that holds an exception would keep it, and all frames up to the caller's.
        reason = str(refused)
    raise malformed(completion, reason) from None


def field(completion: Completion, document: dict[Any, Any], name: str) -> Any:
    """What an object has under `name`. Raises InvalidResponse when it has not."""
    if name not in document:
        raise malformed(completion, f"missing field `{name}`")
    return document[name]


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
    if not kinds <= {float, int}:
        raise malformed(completion, "a `score` is not a number")
    try:
        return list(map(float, scores))
    except OverflowError:
        raise malformed(completion, "a `score` is out of range") from None


def integer(value: Any) -> int | None:
    """The integer that a server means by an int, an integral float or a decimal string; None for anything else."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    # Of strings those only that no counter or position outgrows.
    if type(value) is str and len(value) <= 20 and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    return None


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
