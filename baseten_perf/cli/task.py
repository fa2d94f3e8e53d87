"""Task: what a command does with the rows of its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .results import Results

if TYPE_CHECKING:
    from baseten_perf import PerformanceClient


class Task(ABC):
    """What a command does with its rows.

    Attributes:
        unit: what a row is called.
        result: name of the column of results.
        results: where they lie until the output is made.
    """

    unit: str
    result: str
    results: Results

    @abstractmethod
    def stream(self, client: PerformanceClient, values: Iterator[Any], ordered: bool, return_exceptions: bool) -> Any:
        """Send what rows hold: an iterable of batches."""

    @abstractmethod
    def values(self, batch: Any, places: Sequence[int]) -> Sequence[Any]:
        """The results of a batch at some places, which have one."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What makes the results what they are; another run goes on only with the same."""

    @abstractmethod
    def type(self, pyarrow: Any) -> Any:
        """The Arrow type of a result."""
