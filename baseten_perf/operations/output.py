"""Output: memory that a caller lends for the rows of embeddings, checked before anything is sent."""

from __future__ import annotations

import os
from typing import Any

from ..late import load


def checked_output(out: Any, inputs: int, dimensions: int | None) -> None:
    """Refuse memory that cannot take the rows; have a file that it maps allocated.

    Parameters:
        out: anything with a buffer of float32.
        inputs: rows that it must have.
        dimensions: columns that it must have; None as long as they are not known.

    Raises TypeError, ValueError, or OSError for a disk without the space.
    """
    try:
        view = memoryview(out)
    except TypeError:
        raise TypeError(f"out must be an array of float32, not {type(out).__name__}") from None
    with view:
        if view.format not in ("f", "=f", "@f"):
            raise ValueError(f"out must be an array of float32, not of format {view.format!r}")
        shape = view.shape or ()
        if len(shape) != 2:
            raise ValueError(f"out must have the shape (inputs, dimension), not {shape}")
        if view.readonly:
            raise ValueError("out is read-only")
        if not view.c_contiguous:
            raise ValueError("out must be C-contiguous")
        rows, columns = shape
        if rows != inputs:
            raise ValueError(f"out has {rows} rows for {inputs} inputs")
        if columns == 0 or dimensions not in (None, columns):
            raise ValueError(f"out has {columns} columns for dimensions={dimensions}")
        size = view.nbytes
    _allocate(out, size)


def _allocate(out: Any, size: int) -> None:
    """Have the file system set space aside for the part of a numpy.memmap's file that `out` is.

    Else a disk that is full would be told by a signal, SIGBUS, to the loop that writes.
    """
    mmap = load("mmap")
    memmap: Any = None
    mapping = out
    while mapping is not None and not isinstance(mapping, mmap.mmap):
        if hasattr(mapping, "filename") and hasattr(mapping, "offset"):
            memmap = mapping
        mapping = getattr(mapping, "base", None)
    if mapping is None or memmap is None or memmap.filename is None or memmap.mode == "c":
        return  # plain memory, or a map that is no file's, or of a file that nobody names
    if not hasattr(os, "posix_fallocate"):
        return  # as on macOS
    numpy = load("numpy")
    begins = numpy.frombuffer(mapping, dtype=numpy.uint8).ctypes.data
    offset = memmap.offset - memmap.offset % mmap.ALLOCATIONGRANULARITY + out.ctypes.data - begins
    file = os.open(memmap.filename, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    try:
        os.posix_fallocate(file, offset, size)
    finally:
        os.close(file)
