"""Output: what is written row after row; and what the rows of its table are."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..extras import pyarrow
from ..failure import USAGE, Failure, Lack
from ..sources import Row

ARROW = ("parquet", "arrow")
WRITING = "writing Parquet and Arrow"


@dataclass(frozen=True)
class Table:
    """The columns of an output: those that are carried along, the result, and the reason where there is none.

    Attributes:
        carried: names, in the order of the rows' values.
        seen: the Python types of each one's values, None aside.
        result: name of the column with the results.
        type: its Arrow type, once there are results; of pyarrow.
        declared: Arrow types of columns that are carried along from files that tell them.
        tells_errors: whether there is a column for reasons.
    """

    carried: tuple[str, ...]
    seen: Mapping[str, set[type]]
    result: str
    type: Callable[[Any], Any]
    tells_errors: bool
    declared: Mapping[str, Any]


class Output(ABC):
    """A file, or a folder of files, that is written from its first row to its last.

    Parameters:
        path: where nothing is yet.
        table: its columns.
    """

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table

    @abstractmethod
    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        """Append rows. Where there is no result, `errors` has the reason, by the place among these rows."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file, which reaches the disk."""


def check(path: Path, kind: str) -> None:
    """Failure when an output cannot be made, or would replace what it is not to replace."""
    if kind == "parquet":
        strange = [name for name in (os.listdir(path) if path.is_dir() else []) if not name.endswith(".parquet")]
        if path.exists() and (not path.is_dir() or strange):
            raise Failure(f"cannot write {path}: it is no folder of Parquet files", USAGE)
    elif path.exists() and not path.is_file():
        raise Failure(f"cannot write {path}: it is not a regular file", USAGE)
    if kind in ARROW:
        pyarrow(WRITING)


def make(kind: str, path: Path, table: Table) -> Output:
    """An output of a kind."""
    module, name = {
        "jsonl": ("jsonl", "JsonLines"),
        "parquet": ("parquet", "ParquetParts"),
        "arrow": ("ipc", "ArrowFile"),
    }[kind]
    output: Output = getattr(import_module(f".{module}", __package__), name)(path, table)
    return output
