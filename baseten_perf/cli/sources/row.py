"""Row: one input with its place; and the columns that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..failure import USAGE, Failure

TEXT = "text"  # name of the column with the text, unless another one is given
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
        sent: column or field with what is sent; None takes the whole record.
        carried: columns or fields that results carry along, by the names that they get there.
        texts: whether texts alone are sent.
        blank: what becomes of a row whose text is empty, white space or null: one of BLANK.
        query: column with a text's query; the row's value is then the pair.
    """

    sent: str | None
    carried: Mapping[str, str]
    texts: bool = True
    blank: str = "refuse"
    query: str | None = None

    @property
    def needed(self) -> list[str] | None:
        """Columns that are read; None for all."""
        if self.sent is None:
            return None
        query = () if self.query is None else (self.query,)
        return list(dict.fromkeys([self.sent, *query, *self.carried.values()]))

    def row(self, record: Any, name: str, number: int) -> Row | None:
        """The row that a record makes; None for a blank one that is skipped. Failure when it lacks something."""
        value = record
        if self.sent is not None:
            value = self._field(record, self.sent, name, number)
            if self.texts and self._blank(value, self.sent, name, number):
                return None
            if self.query is not None:
                query = self._field(record, self.query, name, number)
                if not isinstance(query, str):
                    raise Failure(f"{name}:{number}: field {self.query!r} is not a string", USAGE)
                value = query, value
        carried = [self._field(record, column, name, number) for column in self.carried.values()]
        return Row(value, name, number, tuple(carried))

    def _field(self, record: Any, column: str, name: str, number: int) -> Any:
        if not isinstance(record, dict):
            raise Failure(f"{name}:{number}: not a JSON object", USAGE)
        try:
            return record[column]
        except KeyError:
            advice = "; choose another one with --column" if column == self.sent else ""
            raise Failure(f"{name}:{number}: no field {column!r}{advice}", USAGE) from None

    def _blank(self, text: Any, column: str, name: str, number: int) -> bool:
        if text is not None and not isinstance(text, str):
            raise Failure(f"{name}:{number}: field {column!r} is not a string", USAGE)
        return (not text or text.isspace()) and self.leaves_out(text, f"{name}:{number}: field {column!r}")

    def leaves_out(self, text: str | None, what: str) -> bool:
        """Whether a blank text is skipped. Failure when it is refused."""
        if self.blank == "skip":
            return True
        if self.blank == "refuse" or text is None:
            state = "null" if text is None else "blank"
            raise Failure(f"{what} is {state}; --blank skip leaves such rows out, and keep sends blank ones", USAGE)
        return False
