"""The exceptions of calls that need no requests, and RequestFailed, the base of all: what every failure tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class RequestFailed(Exception):
    """A call failed, because of one of its requests or as a whole.

    The base of every exception that a call raises once its arguments are accepted. Each is also what programs of the
    reference client catch: a requests.exceptions.RequestException, a ValueError, or both. `args` are those of the
    reference client; `str` adds the line `details`.

    Attributes:
        batch_index: number of the request that failed, from 0; of a part of a divided batch, the number of that batch.
            None when the call ended as a whole (cancelled).
        inputs: numbers of the inputs of that request; empty when there is none.
        attempts: attempts made for that request; None when there is none.
        endpoint: base URL that the last attempt went to, as it may be shown; None when there is none.
        request_id: the request id of the last attempt; None when there is none.
        response_partial: a response of the class that a success returns. Its `data` has None where no answer had
            arrived; `numpy(missing="nan")` has rows of NaN there.
        missing: numbers of the inputs without an answer, ascending. Of a stream only those of the request that failed.
        next_start: of a stream, number of the first input that was not given: where to go on. None of other calls.
        details: one line: the request, the system's reason, and why there was no further attempt; see verdict.py.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        # Nothing of this is the class's: Ray raises children of it that have only what their cause has.
        self.batch_index: int | None = None
        self.inputs: Sequence[int] = range(0)
        self.attempts: int | None = None
        self.endpoint: str | None = None
        self.request_id: str | None = None
        self.response_partial: Any = None
        self.missing: list[int] = []
        self.next_start: int | None = None
        self.details = ""
        self._ungiven: list[Any] = []

    @property
    def partial(self) -> list[Any]:
        """What `response.data` would have held, with None where no answer had arrived.

        Of a stream the items that had arrived and were not given.
        """
        return self._ungiven if self.response_partial is None else self.response_partial.data

    @partial.setter
    def partial(self, items: list[Any]) -> None:
        self._ungiven = items

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\n  {self.details}" if self.details else text


class InvalidResponse(RequestFailed, ValueError):
    """A 2xx response that cannot be used.

    Attributes, besides those of RequestFailed:
        status: HTTP status.
        url: final URL, without user name, password and query.
    """

    def __init__(self, *args: Any, status: int | None = None, url: str | None = None) -> None:
        super().__init__(*args)
        self.status = status
        self.url = url


class OperationCancelled(RequestFailed, ValueError):
    """A call ended because its cancellation token was cancelled, or its client or connection pool closed.

    A ValueError, which is what the reference client raises here. The message says what was cancelled.
    """


class OutOfMemory(RequestFailed, MemoryError):
    """A call ended because there was no memory for a response."""


class OutOfDescriptors(RequestFailed, OSError):
    """A call ended in a process without a file descriptor to load the exception that would say why; `errno` is EMFILE.

    The message says what can be said without it.
    """
