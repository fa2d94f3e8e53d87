"""Row: one input with its place; and the columns that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..failure import USAGE, Failure

BLANK = ("refuse", "skip", "keep")


class Row(NamedTuple):
    """What is sent for one row of an input, and what its result carries along.

    Attributes:
        value: text, or a whole record.
        name: of the input.
        number: of the line, from 1; of the row or item where the input has no lines.
        carried: values of the columns that are carried along, in their order.
    """

    value: Any
    name: str
    number: int
    carried: tuple[Any, ...]


def where(row: Row) -> str:
    """A row's place, as messages tell it."""
    return f"{row.name}:{row.number}"


@dataclass(frozen=True)
class Columns:
    """What is taken of the records of an input.

    Parameters:
        text: column or field with the text; None takes the whole record.
        carried: columns or fields that results carry along, by the names that they get there.
        blank: what becomes of a row whose text is empty, white space or null: one of BLANK.
    """

    text: str | None
    carried: Mapping[str, str]
    blank: str = "refuse"

    @property
    def needed(self) -> list[str] | None:
        """Columns that are read; None for all."""
        return None if self.text is None else list(dict.fromkeys([self.text, *self.carried.values()]))

    def row(self, record: Any, name: str, number: int) -> Row | None:
        """The row that a record makes; None for a blank one that is skipped. Failure when it lacks something."""
        if self.text is None:
            return Row(record, name, number, self._carried(record, name, number) if self.carried else ())
        if not isinstance(record, dict):
            raise Failure(f"{name}:{number}: not a JSON object", USAGE)
        if self.text not in record:
            raise Failure(f"{name}:{number}: no field {self.text!r}; choose another one with --column", USAGE)
        text = record[self.text]
        if text is not None and not isinstance(text, str):
            raise Failure(f"{name}:{number}: field {self.text!r} is not a string", USAGE)
        if (not text or text.isspace()) and self.leaves_out(text, f"{name}:{number}: field {self.text!r}"):
            return None
        return Row(text, name, number, self._carried(record, name, number) if self.carried else ())

    def leaves_out(self, text: str | None, what: str) -> bool:
        """Whether a blank text is skipped. Failure when it is refused."""
        if self.blank == "skip":
            return True
        if self.blank == "refuse" or text is None:
            state = "null" if text is None else "blank"
            raise Failure(f"{what} is {state}; --blank skip leaves such rows out, and keep sends blank ones", USAGE)
        return False

    def _carried(self, record: Any, name: str, number: int) -> tuple[Any, ...]:
        try:
            return tuple(record[column] for column in self.carried.values())
        except (KeyError, TypeError, IndexError):
            missing = next(c for c in self.carried.values() if not isinstance(record, dict) or c not in record)
            raise Failure(f"{name}:{number}: no field {missing!r}, which is to be carried along", USAGE) from None
