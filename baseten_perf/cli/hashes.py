"""Hashes: what the rows of the inputs were when they were read first."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from . import durable
from .failure import USAGE, Failure
from .sources import Row, where

SIZE = 8  # bytes


class Hashes:
    """A file with a hash of each row, in their order, so that equal texts are told apart by their places.

    Parameters:
        path: of the file.
        advice: what to do when the inputs are not what they were.
    """

    def __init__(self, path: Path, advice: str) -> None:
        self._path = path
        self._advice = advice

    def write(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, while their hashes are written; the file is there when all have been taken."""
        beside = self._path.with_name(f"{self._path.name}.new")
        with open(beside, "wb") as file:
            for row in rows:
                file.write(hash_of(row))
                yield row
        durable.sync(beside)
        durable.move(beside, self._path)

    def compare(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows. Failure at the first one that is not what it was, and when there are more or fewer of them."""
        with open(self._path, "rb") as file:
            row = None
            for row in rows:
                if file.read(SIZE) != hash_of(row):
                    raise Failure(f"{where(row)} is not what it was when the run began; {self._advice}", USAGE)
                yield row
            if file.read(SIZE):
                last = f" after {where(row)}" if row else ""
                raise Failure(f"the inputs have fewer rows than when the run began{last}; {self._advice}", USAGE)


def hash_of(row: Row) -> bytes:
    """The hash of what a row sends and carries along."""
    value: Any = row.value
    sent = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else orjson.dumps(value, default=str)
    digest = blake2b(sent, digest_size=SIZE)
    if row.carried:
        digest.update(b"\0")
        digest.update(repr(row.carried).encode("utf-8", "surrogatepass"))
    return digest.digest()
