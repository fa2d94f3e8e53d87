"""What the log says of a call or a stream: start, end, repeated attempts; never a key, header, body or query.

Telemetry is told of the same moments, once somebody has asked for it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from ..exceptions import InvalidResponse, RequestFailed
from ..http.urls import shown_url
from ..log import DEBUG, INFO, logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from ..operations.operation import Operation
    from ..operations.taken_in import TakenIn
    from ..policy import Policy


class Listener(Protocol):
    """Hears of one call, in the thread of the call. What it raises ends the call."""

    def took_in(self, taken: TakenIn) -> object:
        """A request is settled, in a call that goes on."""

    def ended(self) -> object:
        """The call is over without an exception: its response is there, or nobody waits for it any more."""

    def failed(self, failure: BaseException, taken: TakenIn | None) -> object:
        """The call is over, with an exception; and the request that ended it, if one did."""


# Makes the listener of each call that begins, of its operation (of a stream, one like all of its) and its endpoints.
listen: Callable[[Operation, list[str]], Listener] | None = None


class CallLog:
    """Logs one call.

    Its start and its end are DEBUG. Requests that took more than one attempt are INFO; so is a failure, which the
    caller gets as an exception anyway.

    Parameters:
        logger: where it is logged.
        name: of the public method.
        count: number of requests; None when it is not known.
    """

    __slots__ = ("_began", "_count", "_logger", "_name", "_repeated", "_settled")

    def __init__(self, logger: Logger, name: str, count: int | None, policy: Policy, endpoints: list[str]) -> None:
        self._logger = logger
        self._name = name
        self._count = count
        self._settled = self._repeated = 0
        self._began = perf_counter()
        logger.debug(
            "%s: %s to %s, at most %d at once",
            name, "a stream of requests" if count is None else f"{count} requests",
            ", ".join(map(shown_url, endpoints)), policy.most_requests,
        )  # fmt: skip

    def took_in(self, taken: TakenIn) -> None:
        """A request is settled."""
        self._settled += 1
        self._repeated += taken.attempts > 1

    def ended(self, how: str, level: int = DEBUG) -> None:
        """The call is over: `how` it ended, in words that follow its name."""
        if self._repeated:
            count = self._settled if self._count is None else self._count
            self._logger.info("%s: %d of %d requests took several attempts", self._name, self._repeated, count)
        self._logger.log(level, "%s: %s after %.3f s", self._name, how, perf_counter() - self._began)

    def failed(self, failure: BaseException, taken: TakenIn | None = None) -> None:
        """The call is over, with an exception; its message stays unlogged, since it may quote a body.

        `taken` is the request that ended it; None when none did.
        """
        how = f"failed with {type(failure).__name__}"
        if isinstance(failure, RequestFailed) and failure.attempts is not None:
            self._settled += 1
            self._repeated += failure.attempts > 1
            if taken is not None and not isinstance(failure, InvalidResponse):
                how += f" in request {failure.batch_index} (status {taken.status}, {failure.attempts} attempts)"
        self.ended(how, INFO)


class HeardLog:
    """The log of a call that somebody listens to, if it has one; it is used as a CallLog."""

    __slots__ = ("_listener", "_log")

    def __init__(self, listener: Listener, log: CallLog | None) -> None:
        self._listener = listener
        self._log = log

    def took_in(self, taken: TakenIn) -> None:
        if self._log is not None:
            self._log.took_in(taken)
        self._listener.took_in(taken)

    def ended(self, how: str) -> None:
        if self._log is not None:
            self._log.ended(how)
        self._listener.ended()

    def failed(self, failure: BaseException, taken: TakenIn | None = None) -> None:
        if self._log is not None:
            self._log.failed(failure, taken)
        self._listener.failed(failure, taken)


def call_log(
    operation: Operation, count: int | None, policy: Policy, endpoints: list[str]
) -> CallLog | HeardLog | None:
    """The log of a call that begins; None when nobody wants to read it. For the parameters see CallLog."""
    log = None
    listened = logger()
    if listened is not None and listened.isEnabledFor(INFO):
        log = CallLog(listened, operation.name, count, policy, endpoints)
    return log if listen is None else HeardLog(listen(operation, endpoints), log)
