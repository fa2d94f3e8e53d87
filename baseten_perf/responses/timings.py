"""Timings: where the time of each request of a call went, as a structured array."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from struct import Struct
from typing import TYPE_CHECKING, Any

from ..late import load

if TYPE_CHECKING:
    from numpy import void
    from numpy.typing import NDArray

SECONDS = ("queued", "dns", "connect", "tls", "sent", "first_byte", "total")
COUNTS = ("attempts", "bytes_sent", "bytes_received")
# As the engine lays a row out.
ROW = Struct(f"={len(SECONDS)}d{len(COUNTS)}q")
NO_ROW = ROW.pack(*[nan] * len(SECONDS), *[0] * len(COUNTS))


def joined(timings: Sequence[bytes | None]) -> bytes:
    """The rows that the engine gives, one after the other; None for a request that it gave none of."""
    return b"".join([NO_ROW if row is None else row for row in timings])


def array_of(rows: bytes) -> NDArray[void]:
    """The rows as a read-only array. Raises ImportError without numpy."""
    fields: list[Any] = [(name, "=f8") for name in SECONDS] + [(name, "=i8") for name in COUNTS]
    array: NDArray[void] = load("numpy").frombuffer(rows, dtype=fields)
    return array
