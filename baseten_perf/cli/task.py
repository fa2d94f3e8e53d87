"""Task: what a command does with the rows of its inputs."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import durable
from .outputs import Output, Table, make
from .results import Journal, Results
from .sources import Row

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient


class Task(ABC):
    """What a command does with its rows, which are read, checked and sent in their order.

    Attributes:
        unit: what a row is called.
        result: name of the column of results.
        results: where they lie until the output is made.

    Parameters:
        arguments: of the command line.
    """

    unit: str
    result: str

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.results: Results = Journal()

    @property
    def shape(self) -> str:
        """What the rows of the output are, for people."""
        return f"{self.unit}s"

    def check(self, row: Row) -> None:  # noqa: B027
        """Look at each row before any is sent. Failure when it cannot be."""

    def value(self, row: Row) -> Any:
        """What is sent for a row."""
        return row.value

    @abstractmethod
    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        """Send values: batches of results, as the streams of a client give them."""

    @abstractmethod
    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        """The results of a batch at some places, which have one."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What makes the results what they are; another run goes on only with the same."""

    def type(self, pyarrow: Any) -> Any:
        """The Arrow type of a result, for commands that write such files."""
        raise NotImplementedError(f"a {self.result} of any form has no Arrow type")

    def output(self, kind: str, path: Path, table: Table) -> Output:
        """What the results are written to."""
        return make(kind, path, table)

    def publish(self, path: Path, target: Path) -> None:
        """Put what has been written to `path` in its place."""
        durable.replace(path, target)
