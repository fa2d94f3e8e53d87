"""The weather of the soak: what can happen to a request, and how it must end."""

from __future__ import annotations

import dataclasses

from baseten_perf.testing import Faults

HERE, ELSEWHERE = "/soak", "/elsewhere"


@dataclasses.dataclass(frozen=True)
class Kind:
    """Requests that meet the same faults.

    Attributes:
        attempts: how many of them the server sees of each request.
        error: name of the exception that the caller gets, None for the right answer.
        status: of the APIStatusError.
        redirected: whether each ends at another path, `ELSEWHERE`.
    """

    name: str
    faults: Faults = Faults()  # noqa: RUF009
    attempts: int = 1
    error: str | None = None
    status: int | None = None
    redirected: bool = False

    @property
    def prefix(self) -> str:
        """The path prefix that orders the faults, for requests that name this kind."""
        return dataclasses.replace(self.faults, containing=f'"{self.name}"').prefix

    def mistake(self, error: Exception) -> str | None:
        """What is wrong with an error as the end of such a request; None when it is the right one."""
        status = getattr(getattr(error, "response", None), "status_code", None)
        if type(error).__name__ == self.error and status == self.status:
            return None
        return f"{error!r:.300}, status {status}"


def _error(status: int) -> Kind:
    return Kind(f"status-{status}", Faults(status=status), error="APIStatusError", status=status)


FINE = Kind("fine")
FAULTS = (
    # Passing: the next attempt, or the one after it, is answered.
    Kind("internal-error", Faults(status=500, times=1), attempts=2),
    Kind("bad-gateway-twice", Faults(status=502, times=2), attempts=3),
    Kind("unavailable", Faults(status=503, times=1, retry_after_ms=20), attempts=2),
    Kind("rate-limited", Faults(status=429, times=1, retry_after_ms=20), attempts=2),
    Kind("gateway-timeout", Faults(status=504, times=1, latency=0.02), attempts=2),
    Kind("reset", Faults(reset=True, times=1), attempts=2),
    Kind("closed", Faults(close=True, times=1), attempts=2),
    Kind("cut", Faults(truncate=True, times=1), attempts=2),
    Kind("overstated", Faults(overstate=True, times=1), attempts=2),
    Kind("reset-in-body", Faults(reset_body=True, times=1), attempts=2),
    Kind("stalled", Faults(stall=True, times=1), attempts=2),
    Kind("stalled-in-body", Faults(stall_body=True, times=1), attempts=2),
    # Lasting: an error that says what the server said.
    _error(400),
    _error(404),
    _error(422),
    Kind("always-500", Faults(status=500), attempts=3, error="APIStatusError", status=500),
    Kind("a-page", Faults(not_json=True), error="InvalidResponse"),
    Kind("broken-json", Faults(invalid_json=True), error="InvalidResponse"),
    # Odd, and to be read all the same.
    Kind("late", Faults(latency=0.05)),
    Kind("late-body", Faults(body_latency=0.05)),
    Kind("chunked-and-gzipped", Faults(chunked=True, gzip=True)),
    Kind("http-1.0", Faults(http10=True)),
    Kind("closed-behind", Faults(close_after=True)),
    Kind("redirected", Faults(status=307, location=ELSEWHERE), redirected=True),
)
# One path for all, so that they are requests of one quota: a body that names a kind meets its faults.
TARGET = "".join(kind.prefix for kind in FAULTS) + HERE
