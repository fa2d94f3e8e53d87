"""BatchPostResponse: the JSON answers of a batch_post operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .answers import Collects, answers
from .base import Response


class BatchPostResponse(Response[Collects]):
    """The answer of a batch_post call.

    Attributes (read-only), besides those of every response:
        data: one decoded JSON value per payload, in the order of the payloads. None where a GET, POST, PUT or PATCH was
            answered without a body; {} where a HEAD, DELETE or OPTIONS had no JSON body.
    """

    __slots__ = ("_data",)

    def __init__(
        self,
        data: list[Any],
        total_time: float,
        individual_request_times: Sequence[float],
        response_headers: Sequence[bytes | dict[str, str] | None] = (),
        timings: Sequence[bytes | None] | None = None,
    ) -> None:
        Response.__init__(self, total_time, individual_request_times, response_headers, timings)
        self._data = data

    @answers
    def data(self) -> list[Any]:
        """One decoded JSON value for each payload, in their order."""
        return self._data

    def _values(self) -> tuple[Any, ...]:
        return (self._data,)

    def __repr__(self) -> str:
        return f"BatchPostResponse(data=<{len(self._data)} answers>, total_time={self._total_time!r})"
