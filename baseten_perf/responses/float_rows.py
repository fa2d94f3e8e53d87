"""FloatRows: the float32 rows of a response that came out of a pickle, where there is no engine to own a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

    from ..protocols import Matrix

FLOAT32 = 4  # bytes


class FloatRows:
    """`rows` rows of `dim` float32 in native (little-endian) order, C-contiguous.

    Looks like the engine's Matrix but for the buffer protocol: Python before 3.12 cannot export buffers. The bytes
    are in `octets`.
    """

    __slots__ = ("dim", "octets", "rows")

    def __init__(self, octets: bytes, rows: int, dim: int) -> None:
        self.octets = octets
        self.rows = rows
        self.dim = dim

    @classmethod
    def of(cls, matrix: Matrix | FloatRows, unused: Sequence[int] = ()) -> FloatRows:
        """A copy of a matrix's floats; a FloatRows, which nothing ever changes, is returned as it is.

        Parameters:
            unused: rows that are zeros in the copy.
        """
        if isinstance(matrix, FloatRows):
            return matrix
        exporter: Buffer = matrix  # type: ignore[assignment]
        octets = memoryview(exporter).tobytes()
        if unused:
            width = matrix.dim * FLOAT32
            blanked = bytearray(octets)
            for i in unused:
                blanked[i * width : (i + 1) * width] = bytes(width)
            octets = bytes(blanked)
        return cls(octets, matrix.rows, matrix.dim)

    def __reduce__(self) -> tuple[type[FloatRows], tuple[bytes, int, int]]:
        return FloatRows, (self.octets, self.rows, self.dim)

    def _octets_of(self, i: int) -> memoryview:
        width = self.dim * FLOAT32
        return memoryview(self.octets)[i * width : (i + 1) * width]

    def row(self, i: int, /) -> list[float]:
        """Row `i` as Python floats."""
        return list(self._octets_of(i).cast("f"))

    def row_base64(self, i: int, /) -> str:
        """Row `i` as base64 of little-endian float32."""
        text: bytes = load("base64").b64encode(self._octets_of(i))
        return text.decode("ascii")

    def permute(self, start: int, order: list[int], /) -> None:
        """Never called: only answers that still arrive are put in order."""
        raise TypeError("the rows of a finished response cannot be permuted")
