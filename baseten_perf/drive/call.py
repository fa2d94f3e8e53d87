"""Call: one operation under way on the engine; bodies go down in waves, answers come up, an error ends it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .. import engine
from ..completion import Outcome
from .journal import journal

if TYPE_CHECKING:
    from ..operations.operation import Operation
    from ..policy import Policy

# Bodies are serialised ahead of the network up to this many bytes, so that memory stays bounded.
MOST_BYTES_AHEAD = 16 * 1024 * 1024

OK = int(Outcome.OK)  # a member of an enumeration is slow to compare with


class Call:
    """One operation under way. Used by one thread at a time; knows how to go on, never how to wait.

    Parameters:
        plan: how its requests are made, and where.
        endpoints: base URL of each of the plan's routes, for errors.
        operation: what is asked for.
        policy: how its requests are processed.
        ticket: number that the choice of routes starts from.
        mailbox, token: where the engine announces progress, for callers that do not block.
        began: instant (of perf_counter) at which the caller began to wait, when it was not now.
        again: makes the call of another operation in place of a `tentative` one.

    Of a policy with a cancellation token that is cancelled already nothing is sent: the call is over from its start.
    """

    __slots__ = (
        "__weakref__", "_again", "_ahead", "_answered", "_arrived", "_began", "_count", "_endpoints", "_failure",
        "_journal", "_matrix", "_operation", "_policy", "_sent", "handle",
    )  # fmt: skip

    def __init__(
        self,
        plan: engine.RequestPlan,
        endpoints: list[str],
        operation: Operation,
        policy: Policy,
        ticket: int = 0,
        mailbox: engine.EventMailbox | None = None,
        token: int = 0,
        began: float | None = None,
        again: Callable[[Operation, float], Call] | None = None,
    ) -> None:
        self._operation = operation
        self._policy = policy
        self._endpoints = endpoints
        self._count = len(operation)
        self._sent = 0
        self._answered = 0
        self._ahead = 2 * policy.max_concurrent_requests + 16
        self._arrived: deque[engine.Completion] = deque()
        self._failure: engine.Completion | Exception | None = None
        self._matrix: engine.Matrix | None = None
        self._again = again
        now = perf_counter()
        self._began = now if began is None else began
        self.handle = engine.Operation(plan, self._count, operation.rows, ticket, mailbox, token, now - self._began)
        self._journal = journal(operation, policy, endpoints)
        if policy.cancel_token is not None:
            # Last: another thread may cancel from here on.
            policy.cancel_token.watch(self)

    def feed(self, most_bytes: int = MOST_BYTES_AHEAD) -> bool:
        """Serialise and hand down the next wave of bodies; True when there is room for more at once."""
        if self._cancelled_by_token():
            return False
        handle, operation, count = self.handle, self._operation, self._count
        wave_end = min(count, handle.started + self._ahead)
        size = 0
        while self._sent < wave_end and size < most_bytes:
            body = operation.body(self._sent)
            handle.push(body)
            size += len(body)
            self._sent += 1
        left = self._sent - handle.started
        handle.flush(0 if self._sent == count else max(1, left // 2))
        return self._sent < wave_end

    def advance(self, until: float | None = None) -> bool:
        """Take in what has arrived, up to the instant `until` (of perf_counter); True when nothing is left to do."""
        handle, arrived = self.handle, self._arrived
        arrived.extend(handle.drain())
        # As it was while draining: what ends from here on is announced again.
        over = handle.drained
        while arrived:
            self._take_in(arrived.popleft())
            if until is not None and arrived and perf_counter() >= until:
                return False
        return over

    def _take_in(self, completion: engine.Completion) -> None:
        if self._journal is not None:
            self._journal.took_in(completion)
        if completion.outcome != OK:
            self._failure = self._failure or completion
            return
        if self._operation.rows is not None and self._matrix is None:
            self._matrix = self.handle.matrix
        try:
            self._operation.accept(completion, self._matrix)
            self._answered += 1
        except ValueError as refused:
            if self._failure is None:
                self._failure = self._annotated(refused, completion)
            self.handle.cancel()

    def successor(self) -> Call | None:
        """The call to go on with in place of this one, once `advance` has returned True; None when this was it."""
        failure = self._failure
        if self._again is None or failure is None or isinstance(failure, Exception):
            return None
        operation = self._operation.instead(failure)
        if operation is None:
            return None
        self._let_go()
        self._write("is made again in another form")
        return self._again(operation, self._began)

    def result(self) -> Any:
        """The response, once `advance` has returned True. Raises what ended the operation otherwise."""
        self._let_go()
        if self._failure is None and not self.handle.cancelled:
            response = self._operation.response(perf_counter() - self._began, self._matrix)
            self._write("done")
            return response
        # In no variable: an exception's traceback refers to this frame, and with both referring to each other, the
        # caller's client and its connections would stay until the garbage collector comes.
        raise self._exception()

    def _exception(self) -> Exception:
        """What the caller gets instead of a response; may be asked for once."""
        failure, self._failure = self._failure, None
        completion = None
        if isinstance(failure, Exception):
            exception = failure
        elif failure is not None:
            from ..errors import exception_from

            completion = failure
            exception = exception_from(
                completion, method=self._operation.method, total_timeout_s=self._policy.total_timeout_s
            )
            exception = self._annotated(exception, completion)
        elif self._cancelled_by_token():
            exception = self._cancelled()
        else:
            exception = MemoryError("out of memory, even for the reason why the call failed")
        if self._journal is not None:
            self._journal.failed(exception, completion)
            self._journal = None
        return exception

    def _cancelled(self) -> Exception:
        from ..errors import annotate, cancelled

        exception = cancelled(
            self._operation.name,
            count=self._count,
            answered=self._answered,
            started=self.handle.started,
        )
        partial = self._operation.partial(self._matrix)
        return annotate(exception, batch_index=None, partial=partial, attempts=None, endpoint=None)

    def _annotated(self, exception: Exception, completion: engine.Completion) -> Exception:
        from ..errors import annotate

        return annotate(
            exception,
            batch_index=completion.index,
            partial=self._operation.partial(self._matrix),
            attempts=completion.attempts,
            endpoint=self._endpoints[completion.endpoint],
        )

    @property
    def has_arrivals(self) -> bool:
        """Whether answers wait to be taken in."""
        return bool(self._arrived)

    def cancel(self) -> None:
        """Abort on the wire whatever is in flight; nobody will ask for the result."""
        self._let_go()
        self.handle.cancel()
        self._write("aborted")

    def cancel_by_token(self) -> None:
        """Abort on the wire whatever is in flight, in any thread; the result is then the exception that says so."""
        self.handle.cancel()

    def _cancelled_by_token(self) -> bool:
        token = self._policy.cancel_token
        return token is not None and token.is_cancelled()

    def _let_go(self) -> None:
        if self._policy.cancel_token is not None:
            self._policy.cancel_token.unwatch(self)

    def _write(self, how: str) -> None:
        if self._journal is not None:
            self._journal.ended(how)
            self._journal = None
