"""Tables: batches as engines hand them over, each kind in a module of its own. No library is imported for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...late import load

if TYPE_CHECKING:
    from ..columns import Column

# By the library that a batch is of.
_MODULES = {"pandas": "pandas", "pyarrow": "arrow", "polars": "polars"}
KINDS = "a dict of numpy arrays, a pandas or polars DataFrame, or a pyarrow Table or RecordBatch"


class Table(Protocol):
    """A batch of one kind."""

    @property
    def names(self) -> list[str]:
        """Names of its columns."""

    def values(self, name: str) -> list[Any]:
        """The values of a column that there is, as Python objects."""

    def with_columns(self, columns: Mapping[str, Column]) -> Any:
        """A batch of the same kind with these columns; those of the same name are replaced. This one stays as it is."""


def table_of(batch: Any) -> Table:
    """The batch as a Table. Raises TypeError."""
    if isinstance(batch, Mapping):
        kind = "arrays"
    else:
        library = type(batch).__module__.partition(".")[0]
        kind = _MODULES.get(library, "")
    table: Table | None = load(f"{__name__}.{kind}").table(batch) if kind else None
    if table is None:
        raise TypeError(f"batch must be {KINDS}, not {type(batch).__name__}")
    return table


def values_of(table: Table, name: str) -> list[Any]:
    """The values of a column. Raises ValueError when there is none of that name."""
    if name not in table.names:
        raise ValueError(f"the batch has no column {name!r}; its columns are {', '.join(map(repr, table.names))}")
    return table.values(name)
