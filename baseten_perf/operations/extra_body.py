"""Extra body: members that a caller adds to every request body, for what a server takes and this client has no name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..validation import string, wrong_type
from .payload import Encoder
from .quick_json import orjson


def extra_members(extra_body: Any, own: Collection[str]) -> dict[str, Any]:
    """Check a caller's extra_body; its members, each serialised already, for orjson to put into a body.

    Parameters:
        extra_body: a mapping with str keys, or None for no members.
        own: names that belong to the call itself and cannot be given: what differs from batch to batch.

    Raises TypeError when it is no mapping or has other keys; ValueError for an own name and for what JSON cannot hold,
    NaN and the infinities included.
    """
    if extra_body is None:
        return {}
    if not isinstance(extra_body, Mapping):
        raise wrong_type("extra_body", "a mapping", extra_body)
    encoder = Encoder(allow_nan=False)
    members = {}
    for key, value in extra_body.items():
        name = string("a key of extra_body", key)
        if name in own:
            raise ValueError(f"extra_body must not hold {name!r}, which is a parameter of its own")
        try:
            name.encode()
            members[name] = orjson.Fragment(encoder.encode(value))
        except (TypeError, ValueError) as reason:
            raise ValueError(f"extra_body[{name!r}] cannot be sent as JSON: {reason}") from None
    return members
