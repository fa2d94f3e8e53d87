"""Timings: where the time of each request of a call went, as a structured array."""

from __future__ import annotations

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


class Timings:
    """A row for each request, NaN and 0 until it is put in."""

    __slots__ = ("_rows",)

    def __init__(self, requests: int) -> None:
        self._rows = bytearray(NO_ROW * requests)

    def put(self, index: int, row: bytes | None) -> None:
        """Keep what the engine tells of request `index`; None when that is nothing."""
        if row is not None:
            self._rows[index * ROW.size : (index + 1) * ROW.size] = row

    def array(self) -> NDArray[void]:
        """The rows as a read-only array. Raises ImportError without numpy."""
        numpy = load("numpy")
        fields: list[Any] = [(name, "=f8") for name in SECONDS] + [(name, "=i8") for name in COUNTS]
        array: NDArray[void] = numpy.frombuffer(self._rows, dtype=fields)
        array.flags.writeable = False
        return array

    def __eq__(self, other: object) -> bool:
        return self._rows == other._rows if isinstance(other, Timings) else NotImplemented

    __hash__ = None  # type: ignore[assignment]
