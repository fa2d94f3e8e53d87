"""Vectors: the float32 rows of a .npy file, filled out of order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import durable
from ..failure import Failure
from ..ranges import Ranges, runs
from .results import Results


class Vectors(Results):
    """A .npy file that has its full size from the first vector on, so that a full disk is told at the start."""

    file = "vectors.npy"

    def __init__(self) -> None:
        self.shape: tuple[int, int] | None = None
        self._descriptor = -1

    def open(self, folder: Path, rows: int, finished: Ranges) -> Ranges:
        from numpy.lib import format as npy

        self._rows = rows
        self._path = folder / self.file
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        if len(finished):
            try:
                with open(self._path, "rb") as file:
                    npy.read_magic(file)
                    shape, _, _ = npy.read_array_header_1_0(file)
                    self._start = file.tell()
                    size = os.fstat(file.fileno()).st_size
            except ValueError as error:
                raise Failure(f"{self._path} is damaged: {error}") from None
            if len(shape) != 2 or shape[0] != rows or size != self._start + 4 * rows * shape[1]:
                raise Failure(f"{self._path} is damaged: it has not the size of {rows} rows")
            self.shape = (rows, shape[1])
        return finished

    def keep(self, numbers: Sequence[int], values: Any) -> None:
        if self.shape is None:
            self._begin(values.shape[1])
        elif values.shape[1] != self.shape[1]:
            raise Failure(f"the server changed the vectors' length from {self.shape[1]} to {values.shape[1]}")
        rows = values.astype("<f4", order="C", copy=False)
        at = 0
        for start, stop in runs(numbers):
            self._write(start, rows[at : at + stop - start])
            at += stop - start

    def _begin(self, dimension: int) -> None:
        import io

        from numpy.lib.format import write_array_header_1_0

        shape = (self._rows, dimension)
        header = io.BytesIO()
        write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        self._start = len(header.getvalue())
        size = self._start + 4 * shape[0] * dimension
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, 0, size)
        else:
            os.ftruncate(self._descriptor, size)
        durable.write_all(self._descriptor, header.getvalue(), 0)
        self.shape = shape

    def _write(self, start: int, rows: Any) -> None:
        assert self.shape is not None
        durable.write_all(self._descriptor, rows.data, self._start + 4 * start * self.shape[1])

    def blank(self, gaps: Iterable[tuple[int, int]]) -> None:
        """Write NaN into rows that have no vector."""
        import numpy

        assert self.shape is not None
        for start, stop in gaps:
            self._write(start, numpy.full((stop - start, self.shape[1]), numpy.nan, "<f4"))

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def read(self, start: int, stop: int) -> Any:
        import numpy

        if self.shape is None:
            return [None] * (stop - start)
        dimension = self.shape[1]
        found = os.pread(self._descriptor, 4 * (stop - start) * dimension, self._start + 4 * start * dimension)
        return numpy.frombuffer(found, "<f4").reshape(stop - start, dimension)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
