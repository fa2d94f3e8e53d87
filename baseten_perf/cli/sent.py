"""Sent: the rows that are under way in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .sources import Row, where


class Sent:
    """Remembers rows from when their values are pulled until their results come.

    Parameters:
        rows: with their numbers in the inputs.
        value: what is sent for a row.
    """

    def __init__(self, rows: Iterable[tuple[int, Row]], value: Callable[[Row], Any]) -> None:
        self._rows = rows
        self._value = value
        self._under_way: dict[int, tuple[int, Row]] = {}  # by the number in the stream

    def values(self) -> Iterator[Any]:
        """What is sent."""
        for place, (number, row) in enumerate(self._rows):
            self._under_way[place] = number, row
            yield self._value(row)

    def take(self, start: int, stop: int) -> list[tuple[int, Row]]:
        """Rows of the stream, with their numbers in the inputs; they are no longer under way."""
        return [self._under_way.pop(place) for place in range(start, stop)]

    def where(self, places: Iterable[int]) -> str:
        """Where rows of the stream stand in the inputs, from the first to the last; "" for none."""
        rows = [self._under_way[place][1] for place in places if place in self._under_way]
        if not rows:
            return ""
        first, last = rows[0], rows[-1]
        if first is last:
            return where(first)
        return f"{where(first)} to {last.number if first.name == last.name else where(last)}"
