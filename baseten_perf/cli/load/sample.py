"""Sample: how one request went."""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """How one request went.

    Attributes:
        total: seconds until the whole response was there, from when the request was due.
        first_byte: seconds until its first byte was there.
        inputs: texts that it had a result for.
        tokens: that the server counted.
        error: why there is no result; "" for none.
    """

    total: float
    first_byte: float
    inputs: int
    tokens: int
    error: str
