"""Stage: a callable of batches that is its configuration; who fails, fails by row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from ..exceptions import RequestFailed
from ..responses.base import Response
from ..validation import string
from .columns import Values
from .late_client import LateClient
from .tables import table_of, values_of

if TYPE_CHECKING:
    from ..client import PerformanceClient
    from ..policy import RequestProcessingPreference
    from .columns import Column
    from .tables import Table

OnError: TypeAlias = Literal["raise", "null", "column"]
Answered = TypeVar("Answered", bound=Response)
ON_ERROR: tuple[OnError, ...] = ("raise", "null", "column")


class Rows:
    """What becomes of the rows of a batch.

    Attributes:
        values: what is sent for each row that is sent.
        numbers: of these rows in the batch.
        total: rows of the batch.
        errors: why rows have no result, by number.
    """

    __slots__ = ("errors", "numbers", "total", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.numbers: list[int] = []
        self.total = 0
        self.errors: dict[int, str] = {}

    def fail(self, errors: Mapping[int, RequestFailed]) -> None:
        """Rows have failed, by their place among those that were sent."""
        for place, error in errors.items():
            self.errors[self.numbers[place]] = f"{type(error).__name__}: {error}"

    def spread(self, values: list[Any]) -> list[Any]:
        """One value for each row that was sent, as one for each row of the batch: None where nothing was sent."""
        if len(values) == self.total:
            return values
        spread: list[Any] = [None] * self.total
        for number, value in zip(self.numbers, values, strict=True):
            spread[number] = value
        return spread


class Stage(ABC):
    """What all stages share.

    Parameters (of all stages, by keyword):
        column: the column that is sent.
        into: the column for the results; one of that name is replaced.
        api_key: as of PerformanceClient. It is part of pickles, and so of what an engine writes down; hence
        api_key_env: environment variable of the process that runs the stage, which holds the key. With neither:
            BASETEN_API_KEY or OPENAI_API_KEY there.
        on_error: what a row does that fails, or that holds nothing that can be sent. "raise": its exception ends the
            batch. "null": it has no result. "column": the same, and `error_column` says why.
        error_column: "" for a row with a result, else the reason. Only with on_error="column".
        preference: a RequestProcessingPreference: batch size, concurrency, time-outs, ...
        client: the other keywords of PerformanceClient.

    Raises TypeError or ValueError naming the parameter: what is wrong with a stage is told where it is made.
    """

    def __init__(
        self,
        base_url: str,
        *,
        about: Mapping[str, Any],
        columns: Mapping[str, str],
        api_key: str | None,
        api_key_env: str | None,
        on_error: OnError,
        error_column: str,
        preference: RequestProcessingPreference | None,
        client: Mapping[str, Any],
    ) -> None:
        for name, value in {**columns, "error_column": error_column}.items():
            string(name, value)
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {', '.join(map(repr, ON_ERROR))}, not {on_error!r}")
        self._about = dict(about)  # what a repr begins with
        self._columns = dict(columns)
        self._on_error = on_error
        self._error_column = error_column
        self._late = LateClient(
            type(self).__name__, base_url, api_key=api_key, api_key_env=api_key_env, preference=preference, **client
        )  # fmt: skip

    def __call__(self, batch: Any) -> Any:
        """The batch with the results, of the same kind.

        Parameters:
            batch: a dict of numpy arrays, a pandas or polars DataFrame, or a pyarrow Table or RecordBatch.

        Raises TypeError for another kind; ValueError when it lacks a column; with on_error="raise" what the client
        raises, whose numbers of inputs are those of the rows.
        """
        table = table_of(batch)
        rows = self._rows(table)
        columns = self._results(self._late.client, rows)
        if self._on_error == "column":
            columns[self._error_column] = Values([rows.errors.get(i, "") for i in range(rows.total)], "text")
        return table.with_columns(columns)

    def _rows(self, table: Table) -> Rows:
        rows = Rows()
        for number, value in enumerate(self._values(table)):
            rows.total += 1
            try:
                rows.values.append(self._prepared(value))
                rows.numbers.append(number)
            except (TypeError, ValueError) as refusal:
                if not self._collects:
                    raise ValueError(f"row {number}, column {self._columns['column']!r}: {refusal}") from None
                rows.errors[number] = str(refusal)
        return rows

    def _values(self, table: Table) -> Iterable[Any]:
        """What the batch has for each row."""
        return values_of(table, self._columns["column"])

    def _prepared(self, value: Any) -> Any:
        """What is sent for a row. Raises TypeError or ValueError for what cannot be sent."""
        return checked_text(value)

    @abstractmethod
    def _results(self, client: PerformanceClient, rows: Rows) -> dict[str, Column]:
        """Send the rows, and note those that fail."""

    def _response(self, call: Callable[..., Answered], rows: Rows) -> Answered | None:
        """The response of a call that sends the rows; None when there are none. What is missing is noted."""
        if not rows.values:
            return None
        try:
            response = call(rows.values, return_exceptions=self._collects)
        except RequestFailed as error:
            if not self._collects:
                raise
            response = error.response_partial
            response.lack(dict.fromkeys(error.missing, error) | response.errors, error.missing)
        rows.fail(response.errors)
        return response

    @property
    def _collects(self) -> bool:
        return self._on_error != "raise"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in (self._about | self._columns).items())
        return f"{type(self).__name__}({self._late!r}, {shown})"


def checked_text(value: Any) -> str:
    """A text that can be sent. Raises TypeError, or ValueError for lone surrogates."""
    if not isinstance(value, str):
        raise TypeError(f"the text must be a str, not {'None' if value is None else type(value).__name__}")
    value.encode()
    return value
