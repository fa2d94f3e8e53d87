"""Inputs: files, folders of Parquet files and standard input as one sequence of rows."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any, NamedTuple

from ..failure import USAGE, Failure
from ..kinds import STANDARD, input_kind
from .row import TEXT, Columns, Row

# The module and the function that read a kind.
READERS = {
    "text": ("lines", "text_rows"),
    "jsonl": ("lines", "json_rows"),
    "json": ("document", "document_rows"),
    "csv": ("delimited", "csv_rows"),
    "tsv": ("delimited", "tsv_rows"),
    "parquet": ("arrow", "parquet_rows"),
    "arrow": ("arrow", "ipc_rows"),
}
Reader = Callable[[str, Any, Columns], Iterator[Row]]


class Input(NamedTuple):
    """One file to read: its name in messages, the path of its bytes, and its kind."""

    name: str
    path: str
    kind: str


class Inputs:
    """The inputs of a command, in their order.

    Parameters:
        paths: files; folders, whose Parquet files are read in the order of their names; "-" is standard input.
        kind: of all of them; None tells it by the suffix of each.
        columns: what makes a row of a record.

    Failure when a path leads nowhere or its kind is not known.
    """

    def __init__(self, paths: Sequence[str], kind: str | None, columns: Columns) -> None:
        self.columns = columns
        self._paths = [path for path in paths if path != STANDARD]
        self.inputs = [one for number, path in enumerate(paths, 1) for one in named(path, kind, number)]
        if sum(one.path == STANDARD for one in self.inputs) > 1:
            raise Failure("standard input can be read once only", USAGE)
        for one in self.inputs:
            if one.kind == "text" and (columns.sent != TEXT or columns.carried or columns.query):
                what = "records" if columns.sent is None else "columns"
                raise Failure(
                    f"{one.name} is read as text, which has no {what}; choose another kind with --from", USAGE
                )

    @property
    def passing(self) -> list[Input]:
        """Those that can be read only once: standard input and pipes."""
        return [one for one in self.inputs if one.path == STANDARD or stat.S_ISFIFO(os.stat(one.path).st_mode)]

    def spare(self, path: str) -> None:
        """Failure when what is written to a path would take the place of an input."""
        if os.path.exists(path) and any(os.path.samefile(path, one) for one in self._paths):
            raise Failure(f"cannot write {path}: it is an input", USAGE)

    def replace(self, one: Input, path: str) -> None:
        """Read the bytes of an input from another path."""
        self.inputs[self.inputs.index(one)] = one._replace(path=path)

    def rows(self) -> Iterator[Row]:
        """All rows. Failure, which names the file and the line, when there is no reading on."""
        for one in self.inputs:
            module, function = READERS[one.kind]
            read: Reader = getattr(import_module(f".{module}", __package__), function)
            opened = import_module(".opened", __package__).opened
            with ExitStack() as files:
                try:
                    yield from read(one.name, files.enter_context(opened(one)), self.columns)
                except (OSError, EOFError) as error:
                    reason = getattr(error, "strerror", None) or error
                    raise Failure(f"cannot read {one.name}: {reason}", USAGE) from None

    def arrow_types(self) -> dict[str, Any]:
        """The Arrow types of the columns that are carried along, where all inputs are files that tell them."""
        if not self.columns.carried or not all(one.kind in ("parquet", "arrow") for one in self.inputs):
            return {}
        types: dict[str, Any] = import_module(".arrow", __package__).types(self.inputs[0], self.columns)
        return types


def named(path: str, kind: str | None, number: int) -> list[Input]:
    """The inputs that a path of the command line stands for."""
    if path == STANDARD:
        return [Input("standard input", path, kind or "text")]
    if os.path.isdir(path):
        files = sorted(name for name in os.listdir(path) if name.endswith(".parquet"))
        if not files:
            raise Failure(f"cannot read {path}: a folder without Parquet files", USAGE)
        return [Input(each, each, "parquet") for each in (os.path.join(path, name) for name in files)]
    return [Input(path, path, input_kind(path, kind, number))]
