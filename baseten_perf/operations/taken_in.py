"""TakenIn: what a call says of each request that it has settled; its log, its progress and telemetry read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..exceptions import RequestFailed


class TakenIn(NamedTuple):
    """A request whose answer was accepted, or that has failed in a call that goes on.

    Told once for each input: a request that is sent again in another form, or in parts, is not told of, but those that
    follow it. Made only for consumers.

    Attributes:
        request: its number among those of the engine's operation.
        inputs: numbers of the inputs that it carried; those of a stream count from its first one.
        elapsed: seconds from getting a concurrency slot to the end, retries and back-off included.
        attempts: attempts made.
        tokens: that the answer says it has cost; None where it says nothing.
        failure: why there is no answer; None when there is one.
        method: of HTTP.
        status: of HTTP; 0 when no response began.
        endpoint: number of the endpoint that the last attempt went to.
    """

    request: int
    inputs: Sequence[int]
    elapsed: float
    attempts: int
    tokens: int | None
    failure: RequestFailed | None
    method: str
    status: int
    endpoint: int


# Told in the thread of the call, as soon as an answer is accepted. Whatever it raises ends the call.
Consumer = Callable[[TakenIn], object]
