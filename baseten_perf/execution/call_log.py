"""What the log says of one call: its start, its end, repeated attempts; never a key, header, body or query."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from ..http.urls import shown_url
from ..log import logger

if TYPE_CHECKING:
    from ..engine import Completion
    from ..operations.operation import Operation
    from ..policy import Policy


class CallLog:
    """Logs one call.

    Its start and its end are DEBUG. Requests that took more than one attempt are INFO; so is a failure, which the
    caller gets as an exception anyway.
    """

    __slots__ = ("_began", "_count", "_name", "_repeated")

    def __init__(self, operation: Operation, policy: Policy, endpoints: list[str]) -> None:
        self._name = operation.name
        self._count = len(operation)
        self._repeated = 0
        self._began = perf_counter()
        logger.debug(
            "%s: %d requests to %s, at most %d at once",
            self._name, self._count, ", ".join(map(shown_url, endpoints)), policy.most_requests,
        )  # fmt: skip

    def took_in(self, completion: Completion) -> None:
        """A request has ended, well or not."""
        self._repeated += completion.attempts > 1

    def ended(self, how: str, level: int = logging.DEBUG) -> None:
        """The call is over: `how` it ended, in words that follow its name."""
        if self._repeated:
            logger.info("%s: %d of %d requests took several attempts", self._name, self._repeated, self._count)
        logger.log(level, "%s: %s after %.3f s", self._name, how, perf_counter() - self._began)

    def failed(self, failure: Exception, completion: Completion | None) -> None:
        """The call is over, with an exception; its message stays unlogged, since it may quote a body."""
        how = f"failed with {type(failure).__name__}"
        if completion is not None:
            how += f" in request {completion.index} (status {completion.status}, {completion.attempts} attempts)"
        self.ended(how, logging.INFO)


def call_log(operation: Operation, policy: Policy, endpoints: list[str]) -> CallLog | None:
    """The log of a call that begins; None when nobody wants to read it."""
    return CallLog(operation, policy, endpoints) if logger.isEnabledFor(logging.INFO) else None
