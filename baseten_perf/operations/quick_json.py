"""orjson, loaded when there is enough for it to do: it takes longer to load than all else that a first call needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..late import load
from ._json import small_body, small_json

if TYPE_CHECKING:
    import orjson
    from typing_extensions import Buffer

    from .columns import Inputs

__all__ = ["body_of", "dumps", "is_to_read", "orjson"]

# So many bytes of answers are read without it, each of which counts as so many more: seven or eight small ones.
SPARED, EACH = 65536, 8192
# Token ids are two levels deep.
LEVELS = 8


class _Orjson:
    """What orjson has, as attributes; it is loaded with the first of them."""

    def __getattr__(self, name: str) -> Any:
        # It crashes where these cannot be imported, as for want of a descriptor (3.13.0).
        for module in ("dataclasses", "datetime", "json", "uuid"):
            load(module)
        found = getattr(load("orjson"), name)
        setattr(self, name, found)
        return found


if not TYPE_CHECKING:
    orjson = _Orjson()

_spared = SPARED


def is_to_read(body: Buffer) -> bool:
    """Whether orjson is to read an answer: when it is loaded, or there has been enough to read."""
    global _spared
    if _spared < 0 or "orjson" in sys.modules:
        return True
    _spared -= EACH + (len(body) if isinstance(body, bytes) else SPARED)
    return _spared < 0


def dumps(value: Any) -> bytes:
    """The JSON of a value of plain lists, dicts and scalars, nested a few levels deep. Raises TypeError."""
    written = small_json(value, LEVELS)
    return orjson.dumps(value) if written is None else written


def body_of(before: bytes, inputs: Inputs, after: bytes) -> bytes:
    """The JSON array of inputs between what comes before and after it in a body."""
    written = small_body(before, inputs, after, LEVELS)
    if written is not None:
        return written
    if isinstance(inputs, list):
        return b"%b%b%b" % (before, orjson.dumps(inputs), after)
    return inputs.body(before, after)
