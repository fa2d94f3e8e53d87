"""Tally: what a run of a command has done, and which rows it has not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import islice

from .failure import Lack
from .kinds import STANDARD
from .sources import Row, where

NAMED = 3  # rows without a result that a message names


@dataclass
class Tally:
    """What a run has done.

    Attributes:
        rows: in the inputs.
        done: rows that got their result in this run.
        tokens: that the server counted.
        missing: reasons why rows have none, by their numbers.
        places: where such rows stand in the inputs.
    """

    rows: int = 0
    done: int = 0
    tokens: int = 0
    missing: dict[int, Lack] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)

    def miss(self, number: int, row: Row, reason: Lack) -> None:
        """A row has failed."""
        self.missing[number] = reason
        self.places[number] = where(row)

    def told(self) -> str:
        """How many rows are missing, and the first of them."""
        named = [f"{self.places[number]}: {self.missing[number].message}" for number in islice(self.missing, NAMED)]
        more = ["..."] if len(self.missing) > NAMED else []
        return "\n  ".join([f"{len(self.missing)} of {self.rows} rows are missing:", *named, *more])

    def end(self, output: str, shape: str, unit: str, seconds: float) -> int:
        """Tell what has been done in so many seconds, and which rows are missing; the exit code of the command."""
        tokens = f"{self.tokens} tokens, " if self.tokens else ""
        rate = f"{self.done / seconds:.0f} {unit}s/s"
        where = "standard output" if output == STANDARD else output
        print(f"{where}: {self.rows} {shape}, {tokens}{seconds:.2f} s, {rate}", file=sys.stderr)
        if not self.missing:
            return 0
        print(self.told(), file=sys.stderr)
        return 1
