"""Ranges: a set of row numbers, mostly in long runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Row numbers as runs that neither touch nor overlap, in ascending order.

    Parameters:
        runs: pairs of the first number and the one after the last.
    """

    def __init__(self, runs: Iterable[Iterable[int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in runs:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Take in the numbers from `start` to before `stop`."""
        if start >= stop:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number < self._stops[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __len__(self) -> int:
        """How many numbers there are."""
        return sum(self._stops) - sum(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def gaps(self, stop: int) -> Iterator[tuple[int, int]]:
        """The runs that are missing from 0 to before `stop`."""
        at = 0
        for first, after in self:
            if at < first:
                yield at, first
            at = after
        if at < stop:
            yield at, stop

    def copy(self) -> Ranges:
        """The same numbers, apart."""
        twin = Ranges()
        twin._starts, twin._stops = self._starts.copy(), self._stops.copy()
        return twin


def runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs: the first and the one after the last."""
    start = stop = -1
    for number in numbers:
        if number != stop:
            if start >= 0:
                yield start, stop
            start = number
        stop = number + 1
    if start >= 0:
        yield start, stop
