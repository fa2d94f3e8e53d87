"""StreamCall: an operation without a known end under way; batches go down as they are pulled, results come up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .. import engine
from ..closing import ClosedError
from ..exceptions import InvalidResponse
from ..operations.batched import Batched
from ..operations.refusal import REFUSING_CONTENT, refusal_of
from ..outcome import OK, Outcome
from ..partial import inform
from .audience import Audience, audience_of
from .call_log import call_log
from .divided_stream import DividedStream
from .failure import call_ended, stopped_by
from .progress import progress_of
from .pulled import Pulled
from .splitting import is_to_be_split
from .stream_failures import StreamFailures
from .stream_items import StreamItems
from .stream_requests import StreamRequests
from .stream_window import StreamWindow, window_of
from .token_costs import TokenCosts

if TYPE_CHECKING:
    from ..exceptions import RequestFailed
    from ..operations.operation import Head, Operation
    from ..operations.taken_in import TakenIn
    from ..policy import Policy
    from .owner import Owner
    from .token_account import TokenAccount

# So many results are taken in at a time: an event loop must not be stalled.
PORTION = 64
# Each wake-up of a waiting thread takes the processor from the loops. So results come together, a quarter of those in
# flight, for at most an eighth of the time that a request takes, and such a time.
TOGETHER, PATIENCE, MOST_PATIENCE_S = 4, 8, 0.01

Item = TypeVar("Item")


class StreamCall(Generic[Item]):
    """Used by one thread at a time; knows how to go on, never how to wait nor where inputs come from.

    Failures of requests are items like others, or end the stream when it notices them; the engine collects them.

    Parameters:
        owner, plan, endpoints, policy, sequence_number, mailbox, token: see Call.
        probe: an operation of the kind that the batches are, for logs and errors.
        make: makes the operation of a batch, of its inputs and the number of the first.
        present: makes an item of the number of a batch's first input, of its inputs and of their response.
        plan_of: makes the plan of requests that begin with a head of their own.
        account: of a client with limits of tokens.
        ordered: items come in the order of the source; else as their requests end.
        total: number of inputs; None when it is not known.
    """

    def __init__(
        self,
        owner: Owner,
        plan: engine.RequestPlan,
        endpoints: list[str],
        policy: Policy,
        probe: Operation,
        make: Callable[[list[Any], int], Operation],
        present: Callable[[int, list[Any], Any], Item],
        ordered: bool,
        sequence_number: int = 0,
        mailbox: engine.EventMailbox | None = None,
        token: int = 0,
        plan_of: Callable[[Head], engine.RequestPlan] | None = None,
        account: TokenAccount | None = None,
        total: int | None = None,
    ) -> None:
        self._owner = owner
        self._policy = policy
        self._probe = probe
        self._make = make
        self._pulled = 0  # batches
        self._answered = 0  # requests
        self._latest_elapsed = 0.0  # seconds that one took
        self._answering: set[int] = set()  # endpoints that have answered in the form that may have a fallback
        self._arrived: deque[engine.Completion] = deque()
        self._ended = False  # the source
        self._source_failure: BaseException | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self.handle = engine.OperationHandle(
            plan, None, None if probe.rows is None else 0, sequence_number, mailbox, token,
            capacity=2 * window_of(policy.most_requests), collects=True, tell_every=1,
        )  # fmt: skip
        owner.calls.add(self)
        if owner.closed_by:
            owner.calls.discard(self)
            raise ClosedError(owner.closed_by)
        log = call_log(probe, None, policy, endpoints)
        self._audience = audience_of(log, progress_of(policy.progress, probe.name, lambda: total))
        costs = None if account is None else TokenCosts(account)
        self._requests = StreamRequests(self.handle, policy.timings, plan_of, costs)
        self._items: StreamItems[Item] = StreamItems(present, ordered)
        self._window = StreamWindow(plan, self._requests, self._items)
        self._failures = StreamFailures(policy, endpoints, self._requests, self._items, self._audience)
        self._divided: DividedStream | None = None
        if policy.cancel_token is not None:
            policy.cancel_token.watch(self)

    @property
    def wants(self) -> bool:
        """Whether another batch shall be pulled now."""
        return not self._ended and self._failure is None and self._window.open

    @property
    def ready(self) -> bool:
        """Whether `take` has something to give."""
        return self._items.ready

    @property
    def leads(self) -> bool:
        """Whether the next item can be given at once, since enough has been sent to keep the network busy meanwhile."""
        return self._window.leads and self.ready and not self.handle.stale

    @property
    def over(self) -> bool:
        """Whether nothing is left to be pulled, to be waited for or to be given."""
        return (self._ended and not self._items.ungiven) or (self._failure is not None and not self.ready)

    def pull(self, next_batch: Callable[[], list[Any]]) -> None:
        """Send the source's next batch; an empty one, or an exception, ends the source.

        What was sent is settled, and then the exception goes up: the source's, or what is wrong with the inputs.
        """
        try:
            inputs = next_batch()
            if inputs:
                self._push(inputs)
            else:
                self._ended = True
        except Exception as failure:
            self._ended = True
            self._source_failure = failure

    def _push(self, inputs: list[Any]) -> None:
        if stopped_by(self._policy, self._owner.closed_by):
            self.stop()
            return
        start = self._items.end
        operation = None if self._policy.dedupe else self._probe.carrying(inputs, start)
        if operation is None:
            operation = self._make(inputs, start)
        pulled = Pulled(self._pulled, start, inputs, operation)
        self._requests.send(pulled)
        self._pulled += 1
        self._items.expect(pulled)

    @property
    def flushed(self) -> bool:
        """Whether all that was pulled has been handed down: as it is from time to time, while batches are pulled."""
        return self._requests.flushed

    def flush(self) -> None:
        """Hand down what has been pulled."""
        self._requests.flush()

    def wait(self, seconds: float) -> None:
        """Block until there are results, at most such a time."""
        self.flush()
        patience = min(self._latest_elapsed / PATIENCE, MOST_PATIENCE_S)
        self.handle.wait(seconds, self._window.in_flight // TOGETHER, patience)

    def advance(self) -> None:
        """Take in a portion of what has arrived; `has_arrivals` tells whether there is more."""
        handle, arrived = self.handle, self._arrived
        if self._closed:
            return
        self._window.adapt()
        handle.drain(arrived)
        over = handle.drained
        taken = 0
        while arrived and taken < PORTION:
            self._take_in(arrived.popleft())
            taken += 1
        if self._divided is not None and not over and not self._closed:
            self._divided.go_on()
        if over and not arrived and self._failure is None:
            by = stopped_by(self._policy, self._owner.closed_by)
            self._fail(call_ended(self._probe.name, by, self._requests.pushed, self._answered, handle.started))
        if self._audience is not None:
            self._audience.tell_progress()

    @property
    def has_arrivals(self) -> bool:
        """Whether results wait to be taken in."""
        return bool(self._arrived) and not self._closed

    def _take_in(self, completion: engine.Completion) -> None:
        pulled = self._requests.ended(completion)
        if pulled is None:  # the stream's time-out, when nothing is under way
            pulled = Pulled(self._pulled, self._items.end, [], self._probe)
        self._latest_elapsed = completion.elapsed
        operation = pulled.operation
        if completion.outcome != OK:
            again = not completion.final and completion.endpoint not in self._answering
            fallback = operation.fallback(completion) if again else None
            if self._split(pulled, completion, fallback is not None):
                return
            if fallback is not None:
                pulled.operation = fallback
                self._requests.send(pulled)
                return
            self._take_in_failure(pulled, completion, None)
            return
        try:
            self._accept(pulled, completion)
        except InvalidResponse as invalid:
            self._take_in_failure(pulled, completion, invalid.with_traceback(None))

    def _accept(self, pulled: Pulled, completion: engine.Completion) -> None:
        operation = pulled.operation
        operation.accept(completion, completion.matrix)
        self._answered += 1
        if operation.has_fallback:
            self._answering.add(completion.endpoint)
        self._items.keep(pulled, completion)
        if self._divided is not None:
            self._divided.answered(pulled)
        if self._audience is not None:
            self._audience.took_in(pulled.taken(completion, None))

    def _split(self, pulled: Pulled, completion: engine.Completion, has_fallback: bool) -> bool:
        """Divide a refused batch, or have it wait for that; False when its failure is one like others."""
        if completion.outcome != Outcome.HTTP_STATUS or completion.status not in REFUSING_CONTENT or completion.final:
            return False
        refusal = refusal_of(completion)
        if len(pulled.inputs) == 1:
            if self._divided is not None:
                self._divided.failed(refusal)
            return False
        if not is_to_be_split(refusal, completion.status, self._policy.return_exceptions):
            return False
        if has_fallback and not refusal.unit:
            return False
        if self._divided is None:
            assert isinstance(self._probe, Batched)
            self._divided = DividedStream(
                self._requests, self._items, self._failures, self._probe.limit, self._answered > 0
            )
        self._divided.refused(pulled, completion, refusal)
        return True

    def _take_in_failure(self, pulled: Pulled, completion: engine.Completion, invalid: InvalidResponse | None) -> None:
        failure = self._failures.exception(pulled, completion, invalid)
        if completion.final or not self._policy.return_exceptions:
            self._fail(failure, pulled.taken(completion, failure))
        else:
            self._failures.collect(pulled, completion, failure)

    def _fail(self, failure: RequestFailed, taken: TakenIn | None = None) -> None:
        """The stream ends with this, once what has its turn already is given. For `taken` see CallLog.failed."""
        self._failure = failure
        self._abort()
        if self._audience is not None:
            self._audience.tell_progress()
            self._audience.failed(failure, taken)
        self._let_go()

    def _abort(self) -> None:
        """Abort on the wire whatever is in flight, and take in the answers that had arrived."""
        self.handle.cancel()
        with suppress(RuntimeError):  # in a forked child, where they are the parent's
            self.handle.drain(self._arrived)
        while self._arrived:
            completion = self._arrived.popleft()
            pulled = self._requests.ended(completion)
            if pulled is not None and completion.outcome == OK:
                with suppress(InvalidResponse):
                    self._accept(pulled, completion)

    def take(self) -> Item:
        """The next item; only when it is ready."""
        self._window.give()
        return self._items.take()

    @property
    def failed(self) -> bool:
        """Once it is over, whether the stream ends with an exception."""
        return self._failure is not None or self._source_failure is not None

    def end(self) -> BaseException:
        """That exception; may be asked for once."""
        failure = self._failure or self._source_failure
        assert failure is not None
        self._failure = self._source_failure = None
        self._inform(failure)
        self.close()
        return failure

    def interrupt(self, by: BaseException) -> None:
        """End with an exception of others, and let it tell where to go on and what had arrived."""
        self._abort()
        self._inform(by)
        self.close()

    def _inform(self, exception: BaseException) -> None:
        inform(exception, next_start=self.next_start, partial=self._items.waiting())

    @property
    def next_start(self) -> int:
        """Number of the first input that was not given."""
        return self._items.next_start

    def close(self) -> None:
        """Abort on the wire whatever is in flight, and let go of what waits for its turn to be sent."""
        if self._audience is not None:
            self._tell_end(self._audience)
        self._let_go()
        self.handle.cancel()
        self._requests.clear()
        self._arrived.clear()

    def _let_go(self) -> None:
        if self._policy.cancel_token is not None:
            self._policy.cancel_token.unwatch(self)
        self._owner.calls.discard(self)
        if self._audience is not None:
            self._audience.close()
        self._ended = self._closed = True

    def _tell_end(self, audience: Audience) -> None:
        if not self.over:
            audience.ended("aborted")
        elif self._source_failure is not None:
            audience.failed(self._source_failure)
        else:
            audience.ended("done")

    def stop(self) -> None:
        """Abort on the wire whatever is in flight, in any thread; the stream then ends with OperationCancelled."""
        self.handle.cancel()
