"""Audience: who hears of a call or a stream: its log, telemetry by way of it, and its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..operations.taken_in import TakenIn, consumers

if TYPE_CHECKING:
    from .call_log import CallLog, HeardLog
    from .progress import Progress


class Audience:
    """Told in the thread of the call. Whatever it raises ends the call.

    Parameters:
        log, progress: None when nobody wants to know; where that is so of both, there is no audience.
    """

    __slots__ = ("_consumers", "_log", "_progress")

    def __init__(self, log: CallLog | HeardLog | None, progress: Progress | None) -> None:
        self._log = log
        self._progress = progress
        self._consumers = consumers(log, progress)

    def took_in(self, taken: TakenIn) -> None:
        """A request is settled."""
        for consume in self._consumers:
            consume(taken)

    def tell_progress(self) -> None:
        """Tell how much is done, unless that was told."""
        if self._progress is not None:
            self._progress.tell()

    def failed(self, failure: BaseException, taken: TakenIn | None = None) -> None:
        """The call is over, with an exception; and the request that ended it, if one did."""
        log, self._log = self._log, None
        if log is not None:
            log.failed(failure, taken)

    def ended(self, how: str) -> None:
        """The call is over, in words that follow its name; unless that was told."""
        log, self._log = self._log, None
        if log is not None:
            log.ended(how)

    def again(self) -> Progress | None:
        """The call is made again in another form, with this progress: it is not closed with this call."""
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.again()
        return progress

    def close(self) -> None:
        """Nothing more is done; may be called again."""
        if self._progress is not None:
            self._progress.close()


def audience_of(log: CallLog | HeardLog | None, progress: Progress | None) -> Audience | None:
    """That of a call; None when nobody wants to know, so that nothing is made for it."""
    return None if log is None and progress is None else Audience(log, progress)
