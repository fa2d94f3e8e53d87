"""Call: one operation under way on the engine; bodies go down in windows, answers come up, an error ends it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .. import engine
from ..closing import ClosedError
from ..exceptions import InvalidResponse
from ..late import load
from ..operations._inputs import AT_ONCE, give_way
from ..operations.batched import Batched
from ..operations.refusal import REFUSING_CONTENT, Refusal, refusal_of
from ..operations.taken_in import TakenIn
from ..outcome import OK
from ..partial import Partial
from ..protocols import Completion
from .audience import Audience, audience_of
from .call_failures import CallFailures
from .call_log import call_log

if TYPE_CHECKING:
    from ..operations.operation import Head, Operation
    from ..policy import Policy
    from .divided_batches import DividedBatches
    from .owner import Owner
    from .progress import Progress
    from .token_account import TokenAccount
    from .token_costs import TokenCosts

# An asynchronous caller is told of finished requests in portions, so that taking them in never stalls its loop.
PORTION = 64
PORTION_BYTES = 1024 * 1024
# In how many steps progress is told at the least, where there are so many requests.
STEPS = 100
# Bodies are serialised ahead of the network up to this many bytes, so that memory stays bounded.
MOST_BYTES_AHEAD = 16 * 1024 * 1024
# So many parts of divided batches may be under way, however few requests the call began with.
PARTS_UNDER_WAY = 64


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
        self._failures: CallFailures | None = None
        self._matrix: engine.Matrix | None = None
        self._divided: DividedBatches | None = None
        self._remake = remake
        self._plan_of = plan_of
        if policy.timings:
            operation.keep_timings()
        self._costs: TokenCosts | None = None
        if account is not None:
            self._costs = load("baseten_perf.execution.token_costs").TokenCosts(account)
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
        self._audience: Audience | None = None
        log = call_log(operation, self._count, policy, endpoints)
        if log is not None or policy.progress is not False:
            if progress is None:
                progress = load("baseten_perf.execution.progress").progress_of_call(policy.progress, operation)
            self._audience = audience_of(log, progress)
        if policy.cancel_token is not None:
            # Last: another thread may cancel from here on.
            policy.cancel_token.watch(self)

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
        if self._divided is not None:
            return self._divided.feed(most_bytes)
        handle, operation, count, rows = self.handle, self._operation, self._count, self._rows
        window_end = count if count <= self._ahead else min(count, handle.started + self._ahead)
        size = 0
        while self._sent < window_end and size < most_bytes:
            body = operation.body(self._sent)
            if self._plan_of is not None or self._costs is not None:
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

    def _push(self, body: bytes) -> None:
        """Push the next body with what it is expected to cost, or for a request with a head of its own."""
        operation, number = self._operation, self._sent
        cost = 0 if self._costs is None else self._costs.expect(number, operation, number, body)
        if self._plan_of is not None and operation.heads is not None:
            self.handle.push_planned(body, self._plan_of(operation.heads[number]), cost)
        else:
            self.handle.push(body, 0 if self._rows is None else self._rows[number], cost)

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
        if self._divided is not None and not over and not arrived:
            self._divided.settle()
            if self._divided.left:
                self.feed(MOST_BYTES_AHEAD if until is None else PORTION_BYTES)
        if self._audience is not None:
            self._audience.tell_progress()
        return over

    def _take_in(self, completion: engine.Completion) -> None:
        if self._costs is not None:
            self._costs.settle(completion)
        if completion.outcome != OK:
            self._take_in_failure(completion, None)
            return
        if self._operation.rows is not None and self._matrix is None:
            self._matrix = self.handle.matrix
        try:
            self._operation.accept(completion, self._matrix)
            self._completed += 1
            if self._divided is not None:
                self._divided.answered(completion.index)
        except InvalidResponse as invalid:
            self._take_in_failure(completion, invalid.with_traceback(None))
            return
        except BaseException:
            # A signal handler has raised: the answer is taken in again for whoever asks for what has arrived. But not
            # vectors, since their rows may have been put into order already, and must not be so twice.
            if self._operation.rows is None:
                self._arrived.appendleft(completion)
            raise
        if self._audience is not None:
            number = completion.index
            inputs, method = self._operation.inputs(number), self._operation.method_of(number)
            self._audience.took_in(TakenIn.of(completion, inputs, method, None))

    def _take_in_failure(self, completion: engine.Completion, invalid: InvalidResponse | None) -> None:
        """A failure ends the call, unless the call collects them; then one that may have a fallback does."""
        collects = self._policy.return_exceptions
        refusal = refusal_of(completion) if completion.unsettled else None
        failures = self._failing()
        instead = None
        # A batch that is too large is not refused for its form. The fallback is made of all inputs, so once, and now:
        # what is answered later would be taken for a proof that it was refused for something else.
        may_fall_back = self._remake is not None and invalid is None and (collects or not failures.ending)
        if may_fall_back and not (refusal is not None and refusal.unit):
            instead = self._operation.fallback(completion)
        if refusal is not None and instead is None and self._split(completion, refusal):
            return
        if self._divided is not None and completion.status in REFUSING_CONTENT:
            self._divided.failed(refusal or refusal_of(completion))
        if collects and instead is None and (invalid is not None or not completion.final):
            failures.collect(completion, invalid, completion.index)
            return
        if failures.end(completion, invalid):
            self.instead = instead
        self.handle.cancel()

    def _failing(self) -> CallFailures:
        if self._failures is None:
            self._failures = CallFailures(self._operation, self._policy, self._endpoints, self._audience)
        return self._failures

    def _split(self, completion: engine.Completion, refusal: Refusal) -> bool:
        """Divide a refused batch, or have it wait for that; False when its failure is one like others."""
        collects = self._policy.return_exceptions
        if not load("baseten_perf.execution.splitting").is_to_be_split(refusal, completion.status, collects):
            return False
        if self._divided is None:
            assert isinstance(self._operation, Batched)
            kind: type[DividedBatches] = load("baseten_perf.execution.divided_batches").DividedBatches
            self._divided = kind(
                self.handle, self._operation, self._costs, self._failing(),
                self._sent, self._completed > 0, self._ahead,
            )  # fmt: skip
        if not collects:
            self.handle.resume()
        self._divided.refused(completion, refusal)
        return True

    def fallback(self) -> Call:
        """The call to go on with in place of this one, once `advance` has returned True, where there is `instead`."""
        assert self._remake is not None and self.instead is not None
        progress = None if self._audience is None else self._audience.again()
        self._let_go()
        if self._audience is not None:
            self._audience.ended("is made again in another form")
        return self._remake(self.instead, self._began, progress)

    def result(self) -> Any:
        """The response, once `advance` has returned True. Raises what ended the operation otherwise."""
        self._let_go()
        if (self._failures is None or not self._failures.ending) and not self.handle.cancelled:
            response = self._operation.response(perf_counter() - self._began, self._matrix)
            if self._operation.failures:
                self._operation.explain(response)
            if self._audience is not None:
                self._audience.ended("done")
            return response
        if self._divided is not None and self._policy.return_exceptions:
            self._divided.abandon()
        # In no variable: an exception's traceback refers to this frame, and with both referring to each other, the
        # caller's client and its connections would stay until the garbage collector comes.
        raise self._failing().exception(self._owner.closed_by, self._completed, self.handle.started, self.partial())

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
        if self._audience is not None:
            self._audience.ended("aborted")

    def stop(self) -> None:
        """Abort on the wire whatever is in flight, in any thread; the result is then the exception that says so."""
        self.handle.cancel()

    def _let_go(self) -> None:
        self._owner.calls.discard(self)
        if self._policy.cancel_token is not None:
            self._policy.cancel_token.unwatch(self)
        if self._audience is not None:
            self._audience.close()
