"""What the log says of a call or a stream: start, end, repeated attempts; never a key, header, body or query."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from ..exceptions import RequestFailed
from ..http.urls import shown_url
from ..log import logger

if TYPE_CHECKING:
    from ..operations.taken_in import TakenIn
    from ..policy import Policy


class CallLog:
    """Logs one call.

    Its start and its end are DEBUG. Requests that took more than one attempt are INFO; so is a failure, which the
    caller gets as an exception anyway.

    Parameters:
        name: of the public method.
        count: number of requests; None when it is not known.
    """

    __slots__ = ("_began", "_count", "_name", "_repeated", "_settled")

    def __init__(self, name: str, count: int | None, policy: Policy, endpoints: list[str]) -> None:
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

    def ended(self, how: str, level: int = logging.DEBUG) -> None:
        """The call is over: `how` it ended, in words that follow its name."""
        if self._repeated:
            count = self._settled if self._count is None else self._count
            logger.info("%s: %d of %d requests took several attempts", self._name, self._repeated, count)
        logger.log(level, "%s: %s after %.3f s", self._name, how, perf_counter() - self._began)

    def failed(self, failure: BaseException, status: int | None = None) -> None:
        """The call is over, with an exception; its message stays unlogged, since it may quote a body.

        `status` is that of the response that ended it; None when it is not one that failed.
        """
        how = f"failed with {type(failure).__name__}"
        if isinstance(failure, RequestFailed) and failure.attempts is not None:
            self._settled += 1
            self._repeated += failure.attempts > 1
            if status is not None:
                how += f" in request {failure.batch_index} (status {status}, {failure.attempts} attempts)"
        self.ended(how, logging.INFO)


def call_log(name: str, count: int | None, policy: Policy, endpoints: list[str]) -> CallLog | None:
    """The log of a call that begins; None when nobody wants to read it. For the parameters see CallLog."""
    return CallLog(name, count, policy, endpoints) if logger.isEnabledFor(logging.INFO) else None
