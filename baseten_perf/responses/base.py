"""What all responses share: the times and the response headers of an operation, equality, hash and weak references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..http import headers as header_block
from ..validation import real, string_mapping, wrong_type
from .answers import Answered, Collects
from .timings import array_of, joined

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from ..exceptions import RequestFailed


class Response(Answered[Collects]):
    """Base of the responses.

    Attributes (read-only):
        total_time: seconds of the whole operation.
        individual_request_times: seconds of each request, in the order of the batches, from getting a concurrency
            slot to the end; retries and back-off included, queueing excluded. Where a batch was divided, each part that
            was answered, or stands alone, has its entry, in the order of the inputs; so in `response_headers`.
        individual_batch_request_times: the same list under the name that older documentation uses.
        response_headers: one dict per request; names in lower case, of duplicates the last. Those that
            describe a compressed body (content-encoding, its content-length) are left out. Made at the first read.
        timings: where the time of each request went; None unless the call was made with timings=True.
    """

    __slots__ = ("__weakref__", "_errors", "_headers", "_missing", "_times", "_timings", "_total_time")

    def __init__(
        self,
        total_time: float,
        times: Sequence[float],
        headers: Sequence[bytes | dict[str, str] | None],
        timings: Sequence[bytes | None] | None = None,
    ) -> None:
        self._total_time = total_time
        self._times = list(times)
        self._errors: dict[int, RequestFailed] | None = None
        self._missing: Sequence[int] = ()
        # Raw header lines until somebody asks for them: most callers never do.
        self._headers = list(headers)
        self._timings = None if timings is None else joined(timings)

    @property
    def total_time(self) -> float:
        """Seconds of the whole call."""
        return self._total_time

    @property
    def individual_request_times(self) -> list[float]:
        """Seconds of each request, in the order of the batches."""
        return self._times

    @property
    def individual_batch_request_times(self) -> list[float]:
        """The same as `individual_request_times`."""
        return self._times

    @property
    def response_headers(self) -> list[dict[str, str]]:
        """Names (in lower case) and values of each response's headers."""
        if any(not isinstance(headers, dict) for headers in self._headers):
            self._headers = [raw if isinstance(raw, dict) else header_block.parse(raw or b"") for raw in self._headers]
        return self._headers  # type: ignore[return-value]

    @property
    def timings(self) -> NDArray[numpy.void] | None:
        """Where the time of each request went, of a call with timings=True; else None.

        A read-only structured array, a row for each request, in the order of the batches. In seconds, each by itself
        and not from the start on, float64:

        - `queued`: from when its body was made to the start of the attempt that ended it: for its turn, at limits and
          gates, earlier attempts and back-offs; also, in HTTP/2, for a connection that another request makes;
        - `dns`, `connect`, `tls`: looking up the host, TCP, and TLS with a proxy's CONNECT; 0 on a connection that was
          there already, and 0 for what is not needed;
        - `sent`: from then until the request was sent (NaN with a libcurl before 8.10, where `first_byte` has it too);
        - `first_byte`: from then until the first byte of the response;
        - `total`: from when its body was made to the end, so that what is left of it was spent receiving the body.

        As int64: `attempts` (hedges included), and of the last one `bytes_sent` and `bytes_received`: of the bodies, as
        they went over the wire. Redirects are added up.

        NaN stands for what did not come to its end in a request that failed. The row of a request without any end, as
        in the `response_partial` of an exception, has NaN and 0 only. Raises ImportError without numpy.
        """
        return None if self._timings is None else array_of(self._timings)

    @property
    def errors(self) -> dict[int, RequestFailed]:
        """Of a call with return_exceptions=True, why inputs have no answer: the exception of the request, by input."""
        if self._errors is None:
            self._errors = {}
        return self._errors

    @property
    def missing(self) -> list[int]:
        """Numbers of the inputs without an answer, ascending; `data` has None there."""
        return list(self._missing)

    def raise_for_errors(self) -> None:
        """Raise the first of `errors`, if there is any; its `response_partial` is this response."""
        for error in self.errors.values():
            error.response_partial = self
            error.missing = self.missing
            raise error

    def lack(self, errors: dict[int, RequestFailed], missing: Sequence[int]) -> None:
        """Let the response tell why inputs have no answer, and which."""
        self._errors = errors
        self._missing = missing

    def _values(self) -> tuple[Any, ...]:
        """What equality compares."""
        raise NotImplementedError

    def __eq__(self, other: Any) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if self is other:
            return True
        return (
            self._total_time == other._total_time
            and self._times == other._times
            and self._values() == other._values()
            and self._timings == other._timings
            and self.response_headers == other.response_headers
        )

    def __hash__(self) -> int:
        # Only of what nobody can change, so that responses may be keys although their lists are mutable.
        return hash((type(self), self._total_time))


def checked_times(total_time: Any, times: Any) -> tuple[float, list[float]]:
    """The first two arguments that public response constructors share. Raises TypeError."""
    if isinstance(times, (str, bytes)) or not isinstance(times, Sequence):
        raise wrong_type("individual_request_times", "a sequence", times)
    return real("total_time", total_time), [real("individual_request_times", seconds) for seconds in times]


def checked_headers(headers: Any) -> list[dict[str, str]]:
    """The last argument that public response constructors share; None gives an empty list. Raises TypeError."""
    return [] if headers is None else [string_mapping("response_headers", one) for one in headers]
