"""A .npy file that is filled out of order and appears only when it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from .failure import USAGE, Failure

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class NpyFile:
    """A float32 matrix on its way to `path`, in a file beside it until `finish()`.

    Opening it tells whether the path can be written. Leaving the `with` block without `finish()` leaves nothing behind.
    Failure when the file system refuses, or when the length of the rows changes.
    """

    def __init__(self, path: str, rows: int) -> None:
        self.shape: tuple[int, int] | None = None
        self._rows = rows
        self._path = Path(path).resolve()
        self._partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        if self._path.exists() and not self._path.is_file():
            raise Failure(f"cannot write {path}: it is not a regular file", USAGE)
        try:
            self._file: BinaryIO = open(self._partial, "xb")  # noqa: SIM115
        except OSError as error:
            raise Failure(f"cannot write {path}: {error.strerror}", USAGE) from None

    def fill(self, start: int, rows: NDArray[numpy.float32]) -> None:
        """Store `rows` (float32, shape (n, dimension)) from row `start` on."""
        from numpy.lib.format import write_array_header_1_0

        shape = (self._rows, rows.shape[1])
        try:
            if self.shape is None:
                self.shape = shape
                write_array_header_1_0(self._file, {"descr": "<f4", "fortran_order": False, "shape": shape})
                self._start = self._file.tell()
            elif shape != self.shape:
                raise Failure(f"the server changed the vectors' length from {self.shape[1]} to {shape[1]}")
            self._file.seek(self._start + 4 * start * shape[1])
            self._file.write(rows.astype("<f4", order="C", copy=False).data)
        except OSError as error:
            raise Failure(f"cannot write {self._partial}: {error.strerror}") from None

    def finish(self) -> None:
        """Put the file in its place."""
        try:
            self._file.close()
            os.replace(self._partial, self._path)
        except OSError as error:
            raise Failure(f"cannot write {self._path}: {error.strerror}") from None

    def __enter__(self) -> NpyFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._partial.unlink(missing_ok=True)
        self._file.close()
