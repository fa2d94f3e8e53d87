"""Call: one operation under way on the engine; bodies go down in windows, answers come up, an error ends it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from .. import engine
from ..closing import ClosedError
from ..exceptions import InvalidResponse, RequestFailed
from ..operations._inputs import AT_ONCE, give_way
from ..operations.batched import Batched
from ..operations.refusal import REFUSING_CONTENT, Refusal, refusal_of
from ..operations.taken_in import Consumer, TakenIn, consumers
from ..outcome import Outcome
from ..partial import Partial
from ..protocols import Completion
from .call_log import call_log
from .failure import call_ended, request_failed, stopped_by
from .progress import Progress, progress_of
from .splitting import Splitting, is_to_be_split

if TYPE_CHECKING:
    from ..operations.operation import Head, Operation
    from ..operations.token_count import Expected
    from ..policy import Policy
    from .token_account import TokenAccount

# An asynchronous caller is told of finished requests in portions, so that taking them in never stalls its loop.
PORTION = 64
PORTION_BYTES = 1024 * 1024
# In how many steps progress is told at the least, where there are so many requests.
STEPS = 100
# Bodies are serialised ahead of the network up to this many bytes, so that memory stays bounded.
MOST_BYTES_AHEAD = 16 * 1024 * 1024
# So many parts of divided batches may be under way, however few requests the call began with.
PARTS_UNDER_WAY = 64

OK = int(Outcome.OK)  # a member of an enumeration is slow to compare with


class Owner(Protocol):
    """Whose calls they are: they add themselves to `calls`, and are stopped when it is closed.

    There is no lock, for the reasons that CancellationToken has none: a call adds itself and then looks whether all is
    closed; who closes writes that down and then looks for calls.
    """

    @property
    def calls(self) -> set[Any]: ...

    @property
    def closed_by(self) -> str:
        """What was closed; "" as long as nothing was."""


class Call:
    """One operation under way. Used by one thread at a time; knows how to go on, never how to wait.

    Parameters:
        owner: whose call it is, and who may stop it.
        plan: how its requests are made, and where.
        endpoints: base URL of each of the plan's routes, for errors.
        operation: what is asked for.
        policy: how its requests are processed.
        sequence_number: number that the choice of routes starts from.
        mailbox, token: where the engine announces progress, for callers that do not block.
        began: instant (of perf_counter) at which the caller began to wait, when it was not now.
        remake: makes the call of an operation's fallback, which began at that instant, with the progress of this one;
            None when it has none.
        plan_of: for an operation with heads, makes the plan of the requests that begin with one.
        account: of a client with limits of tokens.
        progress: of the call that this one is in place of, if it has any.

    Of a policy with a cancellation token that is cancelled already nothing is sent: the call is over from its start.
    """

    def __init__(
        self,
        owner: Owner,
        plan: engine.RequestPlan,
        endpoints: list[str],
        operation: Operation,
        policy: Policy,
        sequence_number: int = 0,
        mailbox: engine.EventMailbox | None = None,
        token: int = 0,
        began: float | None = None,
        remake: Callable[[Operation, float, Progress | None], Call] | None = None,
        plan_of: Callable[[Head], engine.RequestPlan] | None = None,
        account: TokenAccount | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._owner = owner
        self._operation = operation
        self._policy = policy
        self._endpoints = endpoints
        self._count = len(operation.elapsed)
        self._sent = 0
        self._completed = 0
        self._ahead = 2 * policy.most_requests + 16
        self._arrived: deque[engine.Completion] = deque()
        self.instead: Operation | None = None
        self._failure: engine.Completion | None = None
        self._invalid: InvalidResponse | None = None
        self._matrix: engine.Matrix | None = None
        self._splitting: Splitting[int] | None = None
        self._remake = remake
        self._plan_of = plan_of
        if policy.timings:
            operation.keep_timings()
        self._account = account
        if account is not None:
            self._expected: dict[int, Expected] = {}  # of the requests that are under way
        now = perf_counter()
        self._began = now if began is None else began
        self._rows = operation.sizes
        into = None if operation.rows is None else operation.total
        if operation.out is not None:
            self._matrix = engine.lent_matrix(operation.out)
            into = 0
        tell_every = 0 if mailbox is None else PORTION
        if policy.progress is not False:
            tell_every = min(tell_every, 1 + self._count // STEPS)
        divides = operation.total > self._count
        self.handle = engine.OperationHandle(
            plan, self._count, into, sequence_number, mailbox, token,
            now - self._began, policy.return_exceptions, tell_every, PARTS_UNDER_WAY if divides else 0, divides,
        )  # fmt: skip
        self._call_log = call_log(operation, self._count, policy, endpoints)
        self._progress = progress
        self._consumers: tuple[Consumer, ...] = ()  # of what is taken in
        if self._call_log is not None or policy.progress is not False:
            self._find_consumers(policy)
        if policy.cancel_token is not None:
            # Last: another thread may cancel from here on.
            policy.cancel_token.watch(self)

    def _find_consumers(self, policy: Policy) -> None:
        if self._progress is None and policy.progress is not False:
            self._progress = progress_of(policy.progress, self._operation.name, self._inputs)
        self._consumers = consumers(self._call_log, self._progress)

    def _inputs(self) -> int:
        """How many there are."""
        return sum(len(self._operation.inputs(index)) for index in range(self._count))

    def feed(self, most_bytes: int = MOST_BYTES_AHEAD) -> bool:
        """Serialise and hand down the next window of bodies; True when there is room for more at once.

        Raises RuntimeError when the client was closed before anything has been sent.
        """
        owner = self._owner
        if self._sent == 0:
            owner.calls.add(self)  # here and not before: whoever feeds a call also lets it go
            if owner.closed_by:
                raise ClosedError(owner.closed_by)
        token = self._policy.cancel_token
        if owner.closed_by or (token is not None and token.is_cancelled()):
            return False
        if self._splitting is not None:
            return self._feed_divided(self._splitting, most_bytes)
        handle, operation, count, rows = self.handle, self._operation, self._count, self._rows
        window_end = count if count <= self._ahead else min(count, handle.started + self._ahead)
        size = 0
        while self._sent < window_end and size < most_bytes:
            body = operation.body(self._sent)
            if self._plan_of is not None or self._account is not None:
                self._push(body)
            else:
                handle.push(body, 0 if rows is None else rows[self._sent])
            size += len(body)
            self._sent += 1
        if self._sent == count:
            handle.flush(0)
            return False
        handle.flush(max(1, (self._sent - handle.started) // 2))
        return self._sent < window_end

    def _feed_divided(self, splitting: Splitting[int], most_bytes: int) -> bool:
        """The same where batches are divided: their parts go before the batches that have not been sent."""
        handle, operation, parts = self.handle, self._operation, self._parts
        assert isinstance(operation, Batched)
        size = 0
        while size < most_bytes and self._pushed < handle.started + self._ahead and handle.room:
            if not parts and self._sent < self._undivided:
                splitting.begin(self, self._sent)
                self._sent += 1
            if not parts:
                break
            number = parts.popleft()
            rows, body = operation.span(number), operation.body(number)
            handle.push_numbered(body, len(rows), number, rows.start, self._cost(number, body))
            size += len(body)
            self._pushed += 1
        more = bool(parts) or self._sent < self._undivided
        handle.flush(max(1, (self._pushed - handle.started) // 2) if more else 0)
        return more and size >= most_bytes

    def _push(self, body: bytes) -> None:
        """Push the next body with what it is expected to cost, or for a request with a head of its own."""
        operation, number = self._operation, self._sent
        cost = self._cost(number, body)
        if self._plan_of is not None and operation.heads is not None:
            self.handle.push_planned(body, self._plan_of(operation.heads[number]), cost)
        else:
            self.handle.push(body, 0 if self._rows is None else self._rows[number], cost)

    def _cost(self, number: int, body: bytes) -> int:
        """Tokens that a request is expected to cost, where these are limited."""
        if self._account is None:
            return 0
        expected = self._expected[number] = self._account.expect(self._operation, number, body)
        return expected.tokens

    def advance(self, until: float | None = None) -> bool:
        """Take in what has arrived, up to the instant `until` (of perf_counter); True when nothing is left to do."""
        handle, arrived = self.handle, self._arrived
        handle.drain(arrived)
        # As it was while draining: what ends from here on is announced again.
        over = handle.drained
        taken = 0
        while arrived:
            self._take_in(arrived.popleft())
            if until is not None and arrived and perf_counter() >= until:
                over = False
                break
            taken += 1
            if not taken % AT_ONCE:
                give_way()
        if self._splitting is not None and not over and not arrived:
            if not handle.under_way and not self._parts and self._sent == self._undivided:
                self._splitting.settle(self)
            if self._parts or self._sent < self._undivided:
                self.feed(MOST_BYTES_AHEAD if until is None else PORTION_BYTES)
        if self._progress is not None:
            self._progress.tell()
        return over

    def _take_in(self, completion: engine.Completion) -> None:
        if self._account is not None:
            expected = self._expected.pop(completion.index, None)
            if expected is not None and completion.outcome == OK:
                self._account.settle(expected, completion)
        if completion.outcome != OK:
            self._take_in_failure(completion, None)
            return
        if self._operation.rows is not None and self._matrix is None:
            self._matrix = self.handle.matrix
        try:
            self._operation.accept(completion, self._matrix)
            self._completed += 1
            if self._splitting is not None:
                self._splitting.answered(self, completion.index)
        except InvalidResponse as invalid:
            self._take_in_failure(completion, invalid.with_traceback(None))
            return
        except BaseException:
            # A signal handler has raised: the answer is taken in again for whoever asks for what has arrived. But not
            # vectors, since their rows may have been put into order already, and must not be so twice.
            if self._operation.rows is None:
                self._arrived.appendleft(completion)
            raise
        if self._consumers:
            self._tell(completion, None)

    def _tell(
        self, completion: engine.Completion, failure: RequestFailed | None, number: int | None = None
    ) -> None:
        taken = self._taken(completion, failure, completion.index if number is None else number)
        for consume in self._consumers:
            consume(taken)

    def _taken(self, completion: engine.Completion, failure: RequestFailed | None, number: int) -> TakenIn:
        operation = self._operation
        return TakenIn.of(completion, operation.inputs(number), operation.method_of(number), failure)

    def _take_in_failure(self, completion: engine.Completion, invalid: InvalidResponse | None) -> None:
        """A failure ends the call, unless the call collects them; then one that may have a fallback does."""
        collects = self._policy.return_exceptions
        refusal = refusal_of(completion) if completion.unsettled else None
        instead = None
        # A batch that is too large is not refused for its form. The fallback is made of all inputs, so once, and now:
        # what is answered later would be taken for a proof that it was refused for something else.
        may_fall_back = self._remake is not None and invalid is None and (collects or self._failure is None)
        if may_fall_back and not (refusal is not None and refusal.unit):
            instead = self._operation.fallback(completion)
        if refusal is not None and instead is None and self._split(completion, refusal):
            return
        if self._splitting is not None and completion.status in REFUSING_CONTENT:
            self._splitting.failed(refusal or refusal_of(completion))
        if collects and instead is None and (invalid is not None or not completion.final):
            failure = self._failed(completion, invalid)
            self._operation.fail(completion, failure)
            if self._consumers:
                self._tell(completion, failure)
            return
        if self._failure is None:
            self._failure, self._invalid, self.instead = completion, invalid, instead
        self.handle.cancel()

    def _split(self, completion: engine.Completion, refusal: Refusal) -> bool:
        """Divide a refused batch, or have it wait for that; False when its failure is one like others."""
        collects = self._policy.return_exceptions
        if not is_to_be_split(refusal, completion.status, collects):
            return False
        if self._splitting is None:
            assert isinstance(self._operation, Batched)
            self._splitting = Splitting(self._operation.limit, self._completed > 0)
            self._undivided = self._count  # batches, before any was divided
            self._parts: deque[int] = deque()  # to be sent
            self._pushed = self._sent  # requests
        if not collects:
            self.handle.resume()
        self._splitting.refused(self, completion.index, completion, refusal)
        return True

    # What the splitting asks for.

    def lengths(self, number: int) -> list[int]:
        assert isinstance(self._operation, Batched)
        return self._operation.lengths(number)

    def divided(self, number: int, sizes: Sequence[int], refused: bool) -> Sequence[int]:
        assert isinstance(self._operation, Batched)
        numbers = self._operation.divide(number, sizes)
        self._count += len(sizes) - 1
        # What was refused stays a request of the operation; what was not sent is none any more.
        self.handle.expect(len(sizes) if refused else len(sizes) - 1, settled=refused)
        return numbers

    def send(self, number: int) -> None:
        self._parts.append(number)

    def give_up(self, number: int, completion: engine.Completion, refused: bool) -> None:
        failure = self._failed(completion, None, number)
        self._operation.fail(completion, failure, number)
        if self._consumers:
            self._tell(completion, failure, number)
        self.handle.expect(0 if refused else -1, settled=refused)

    def fallback(self) -> Call:
        """The call to go on with in place of this one, once `advance` has returned True, where there is `instead`."""
        assert self._remake is not None and self.instead is not None
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.again()
        self._let_go()
        self._write("is made again in another form")
        return self._remake(self.instead, self._began, progress)

    def result(self) -> Any:
        """The response, once `advance` has returned True. Raises what ended the operation otherwise."""
        self._let_go()
        if self._failure is None and not self.handle.cancelled:
            response = self._operation.response(perf_counter() - self._began, self._matrix)
            if self._operation.failures:
                self._operation.explain(response)
            if self._call_log is not None:
                self._write("done")
            return response
        # In no variable: an exception's traceback refers to this frame, and with both referring to each other, the
        # caller's client and its connections would stay until the garbage collector comes.
        raise self._exception()

    def _exception(self) -> RequestFailed:
        """What the caller gets instead of a response; may be asked for once."""
        failure, self._failure = self._failure, None
        invalid, self._invalid = self._invalid, None
        if failure is None:
            by = stopped_by(self._policy, self._owner.closed_by)
            exception = call_ended(self._operation.name, by, self._count, self._completed, self.handle.started)
        else:
            exception = self._failed(failure, invalid)
        if self._splitting is not None and self._policy.return_exceptions:
            self._splitting.abandon(self)
        exception.response_partial = self.partial().response()
        self._operation.explain(exception.response_partial)
        exception.missing = self._operation.missing()
        if self._call_log is not None:
            ending = None if failure is None else self._taken(failure, exception, failure.index)
            self._call_log.failed(exception, ending)
            self._call_log = None
        return exception

    def _failed(
        self, completion: engine.Completion, invalid: InvalidResponse | None, number: int | None = None
    ) -> RequestFailed:
        operation = self._operation
        number = completion.index if number is None else number
        failure = request_failed(
            completion, invalid, operation, self._policy, self._endpoints, self._count, operation.inputs(number)
        )
        failure.batch_index = operation.batch_of(number)
        return failure

    def partial(self) -> Partial:
        """The answers so far, once the call is over or `cancel` has been called."""
        try:
            self.handle.drain(self._arrived)
            if self._operation.rows is not None and self._matrix is None:
                self._matrix = self.handle.matrix
        except RuntimeError:
            pass  # this is a forked child: what arrives is the parent's
        answers: deque[Completion] = deque(completion for completion in self._arrived if completion.outcome == OK)
        partial = Partial(self._operation, answers, self._matrix, perf_counter() - self._began)
        if self._operation.out is not None:
            partial.response()  # now or never: the caller may use the memory for something else later
        return partial

    @property
    def has_arrivals(self) -> bool:
        """Whether answers wait to be taken in."""
        return bool(self._arrived)

    def cancel(self) -> None:
        """Abort on the wire whatever is in flight; nobody will ask for the result."""
        self._let_go()
        self.handle.cancel()
        self._write("aborted")

    def stop(self) -> None:
        """Abort on the wire whatever is in flight, in any thread; the result is then the exception that says so."""
        self.handle.cancel()

    def _let_go(self) -> None:
        self._owner.calls.discard(self)
        if self._policy.cancel_token is not None:
            self._policy.cancel_token.unwatch(self)
        if self._progress is not None:
            self._progress.close()

    def _write(self, how: str) -> None:
        if self._call_log is not None:
            self._call_log.ended(how)
            self._call_log = None
