"""Results: what a checkpoint and an output need to know of the file that results lie in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..ranges import Ranges


class Results(ABC):
    """A file with the results of rows, by their numbers. Its methods raise OSError when the file system refuses.

    Attributes:
        file: its name.
    """

    file: str

    @abstractmethod
    def open(self, folder: Path, rows: int, finished: Ranges) -> Ranges:
        """Open the file for so many rows, or make it when no row is finished yet.

        Parameters:
            finished: what the checkpoint says.

        Returns what is finished in truth. Failure when less is.
        """

    @abstractmethod
    def keep(self, numbers: Sequence[int], values: Sequence[Any]) -> None:
        """Write the results of rows, whose numbers ascend."""

    @abstractmethod
    def sync(self) -> None:
        """Let what has been written reach the disk."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Sequence[Any]:
        """The results of rows; of those that are not finished there is something or other."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file; may be called again."""
