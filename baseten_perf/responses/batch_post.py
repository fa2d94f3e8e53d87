"""BatchPostResponse: the JSON answers of a batch_post operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .answers import Collects, answers
from .base import Response


class BatchPostResponse(Response[Collects]):
    """The answer of a batch_post call.

    Attributes (read-only), besides those of every response:
        data: one decoded JSON value per payload, in the order of the payloads. None where a GET, POST, PUT or PATCH was
            answered without a body; {} where a HEAD, DELETE or OPTIONS had no JSON body.
        statuses: the HTTP status of each answer.
    """

    __slots__ = ("_data", "_unlike_200")

    def __init__(
        self,
        data: list[Any],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[bytes | dict[str, str] | None] = (),
        timings: Sequence[bytes | None] | None = None,
        unlike_200: Mapping[int, int] | None = None,
    ) -> None:
        Response.__init__(self, total_time, individual_request_times, response_headers, timings)
        self._data = data
        self._unlike_200 = {} if unlike_200 is None else unlike_200

    @answers
    def data(self) -> list[Any]:
        """One decoded JSON value for each payload, in their order."""
        return self._data

    @property
    def statuses(self) -> list[int | None]:
        """The HTTP status of each answer, in the order of the payloads: 200 to 299; None where there is no answer."""
        missing = set(self._missing)
        return [None if i in missing else self._unlike_200.get(i, 200) for i in range(len(self._data))]

    def _values(self) -> tuple[Any, ...]:
        return self._data, self._unlike_200

    def __repr__(self) -> str:
        return f"BatchPostResponse(data=<{len(self._data)} answers>, total_time={self._total_time!r})"
