"""TakenIn: what a call says of each request that it has settled; its log, its progress and telemetry read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ..exceptions import RequestFailed
from ..protocols import Completion
from .usage import total_tokens


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

    @classmethod
    def of(
        cls, completion: Completion, inputs: Sequence[int], method: str, failure: RequestFailed | None
    ) -> TakenIn:
        """What a completion says of a request with these inputs."""
        return cls(
            completion.index, inputs, completion.elapsed, completion.attempts,
            total_tokens(completion) if failure is None else None, failure,
            method, completion.status, completion.endpoint,
        )  # fmt: skip


# Told in the thread of the call, as soon as an answer is accepted. Whatever it raises ends the call.
Consumer = Callable[[TakenIn], object]


class TakesIn(Protocol):
    """Who wants to be told."""

    def took_in(self, taken: TakenIn) -> object: ...


def consumers(*listeners: TakesIn | None) -> tuple[Consumer, ...]:
    """Of those listeners that there are."""
    return tuple(listener.took_in for listener in listeners if listener is not None)
