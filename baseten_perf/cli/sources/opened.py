"""The bytes of an input, decompressed when they begin as gzip or Zstandard do."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ..extras import extra
from ..kinds import STANDARD

if TYPE_CHECKING:
    from .inputs import Input

GZIP = b"\x1f\x8b"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
# UTF-8 begins with neither, nor does Parquet or Arrow IPC.
MAGIC = 4


@contextlib.contextmanager
def opened(one: Input) -> Iterator[BinaryIO]:
    """The file of an input, or standard input, which stays open. OSError or EOFError when it is damaged."""
    import gzip
    import zlib

    with raw(one) as plain:
        try:
            start = cast(io.BufferedReader, plain).peek(MAGIC)[:MAGIC]
            if start.startswith(GZIP):
                yield cast(BinaryIO, gzip.GzipFile(fileobj=plain))
            elif start == ZSTANDARD:
                yield zstandard_file(one.name, plain)
            else:
                yield plain
        except zlib.error as error:
            raise OSError(f"damaged gzip data ({error})") from None


def raw(one: Input) -> contextlib.AbstractContextManager[BinaryIO]:
    """The file of an input as it is, or standard input, which stays open."""
    return contextlib.nullcontext(sys.stdin.buffer) if one.path == STANDARD else open(one.path, "rb")


def zstandard_file(name: str, plain: Any) -> BinaryIO:
    """A file that decompresses Zstandard, of Python 3.14 or of the package that has it for older ones."""
    module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    zstd = extra(module, "zstd", f"{name} is compressed with Zstandard, which")

    class Zstandard(zstd.ZstdFile):  # type: ignore[misc, name-defined]
        """Its errors are those of files."""

        def readinto(self, buffer: Any) -> int:
            try:
                return cast(int, super().readinto(buffer))
            except zstd.ZstdError as error:
                raise OSError(f"damaged Zstandard data ({error})") from None

    return cast(BinaryIO, io.BufferedReader(Zstandard(plain)))
