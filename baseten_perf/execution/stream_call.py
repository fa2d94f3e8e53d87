"""StreamCall: an operation without a known end under way; batches go down as they are pulled, results come up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .. import engine
from ..closing import ClosedError
from ..exceptions import InvalidResponse
from ..operations.batched import Batched
from ..operations.refusal import REFUSING_CONTENT, refusal_of
from ..operations.taken_in import TakenIn, consumers
from ..outcome import Outcome
from ..partial import inform
from .call_log import call_log
from .failure import call_ended, request_failed, stopped_by
from .progress import progress_of
from .splitting import Splitting, is_to_be_split

if TYPE_CHECKING:
    from ..exceptions import RequestFailed
    from ..operations.operation import Head, Operation
    from ..operations.token_count import Expected
    from ..policy import Policy
    from .call import Owner
    from .call_log import CallLog, HeardLog
    from .token_account import TokenAccount

# Batches are pulled ahead of the network, and results kept for their turn, up to this many bytes.
MOST_BYTES_HELD = 16 * 1024 * 1024
# So many windows of batches may be pulled and not given, as long as an earlier one has no answer.
LATER = 4
# So many results are taken in at a time: an event loop must not be stalled.
PORTION = 64
# So many results at most are given between two looks at the network and the source.
GIVEN_TOGETHER = 8
# Pushed batches are handed down together, so many or after such a time: to wake the loops costs more than to push.
FLUSHED_TOGETHER, FLUSH_S = 16, 0.001
# Each wake-up of a waiting thread takes the processor from the loops. So results come together, a quarter of those in
# flight, for at most an eighth of the time that a request takes, and such a time.
TOGETHER, PATIENCE, MOST_PATIENCE_S = 4, 8, 0.01

OK = int(Outcome.OK)  # a member of an enumeration is slow to compare with

Item = TypeVar("Item")


def window_of(concurrency: int) -> int:
    """How many batches may be pulled and not given."""
    return concurrency + concurrency // 2 + 16


class Pulled:
    """A batch that was pulled from the source: the operation of its one request, and its place.

    Attributes:
        expected: what the request is expected to cost in tokens, where that counts.
    """

    __slots__ = ("expected", "inputs", "operation", "place", "size", "start")

    def __init__(self, place: int, start: int, inputs: list[Any], operation: Operation) -> None:
        self.place = place
        self.start = start
        self.inputs = inputs
        self.operation = operation
        self.size = 0
        self.expected: Expected | None = None


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
        self._endpoints = endpoints
        self._probe = probe
        self._make = make
        self._plan_of = plan_of
        self._account = account
        self._present = present
        self._ordered = ordered
        self._plan = plan
        self._concurrency = plan.concurrency
        self._window = window_of(plan.concurrency)
        self._pulled = 0  # batches
        self._due = 0  # items: the batches that were pulled, or what they were divided into
        self._start = 0  # number of the next input
        self._given = 0
        self._lead = 0  # items that may be given before the network wants more
        self._requests = 0  # pushed, those made again included
        self._answered = 0
        self._latest_elapsed = 0.0  # seconds
        self._under_way: dict[int, Pulled] = {}  # by request
        self._next = 0  # number of the input that the next item begins with, where they are ordered
        self._results: dict[int, tuple[Item, int, int]] = {}  # by the first input; with size, and the next item's
        self._splitting: Splitting[Pulled] | None = None
        self._parts: deque[Pulled] = deque()  # of batches that were divided, to be sent
        self._answering: set[int] = set()  # endpoints that have answered in the form that may have a fallback
        self._open: set[int] = set()  # first inputs of what was pulled and is not given
        self._arrived: deque[engine.Completion] = deque()
        self._unflushed = 0
        self._flushed_at = 0.0  # instant of perf_counter
        self._held = 0  # bytes
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
        self._call_log = call_log(probe, None, policy, endpoints)
        self._progress = progress_of(policy.progress, probe.name, lambda: total)
        self._consumers = consumers(self._call_log, self._progress)
        if policy.cancel_token is not None:
            policy.cancel_token.watch(self)

    @property
    def wants(self) -> bool:
        """Whether another batch shall be pulled now."""
        return (
            not self._ended
            and self._failure is None
            and self._due - self._given < self._window * (1 if self.ready else LATER)
            and len(self._under_way) < self._window
            and (len(self._under_way) < self._concurrency or self._held < MOST_BYTES_HELD)
            and self._held < 4 * MOST_BYTES_HELD
        )

    @property
    def ready(self) -> bool:
        """Whether `take` has something to give."""
        return self._next in self._results if self._ordered else bool(self._results)

    @property
    def leads(self) -> bool:
        """Whether the next item can be given at once, since enough has been sent to keep the network busy meanwhile."""
        return self._lead > 0 and self.ready and not self.handle.stale

    @property
    def over(self) -> bool:
        """Whether nothing is left to be pulled, to be waited for or to be given."""
        return (self._ended and self._given == self._due) or (self._failure is not None and not self.ready)

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
        operation = None if self._policy.dedupe else self._probe.carrying(inputs, self._start)
        if operation is None:
            operation = self._make(inputs, self._start)
        pulled = Pulled(self._pulled, self._start, inputs, operation)
        self._send(pulled)
        self._open.add(self._start)
        self._pulled += 1
        self._due += 1
        self._start += len(inputs)

    def _send(self, pulled: Pulled) -> None:
        operation = pulled.operation
        operation.first = self._requests
        if self._policy.timings:
            operation.keep_timings()
        body = operation.body(0)
        pulled.size = len(body)
        cost = 0
        if self._account is not None:
            pulled.expected = self._account.expect(operation, 0, body)
            cost = pulled.expected.tokens
        if operation.heads is not None and self._plan_of is not None:
            self.handle.push_planned(body, self._plan_of(operation.heads[0]), cost)
        else:
            self.handle.push(body, 0 if operation.sizes is None else operation.sizes[0], cost)
        self._held += pulled.size
        self._under_way[self._requests] = pulled
        self._requests += 1
        self._unflushed += 1
        if self._unflushed >= FLUSHED_TOGETHER or perf_counter() > self._flushed_at + FLUSH_S:
            self.flush()

    @property
    def flushed(self) -> bool:
        """Whether all that was pushed has been handed down: as it is from time to time, while batches are pulled."""
        return not self._unflushed

    def flush(self) -> None:
        """Hand down what has been pushed."""
        if self._unflushed:
            self.handle.flush(0)
            self._unflushed = 0
            self._flushed_at = perf_counter()

    def wait(self, seconds: float) -> None:
        """Block until there are results, at most such a time."""
        self.flush()
        together = min(len(self._under_way), self._concurrency) // TOGETHER
        self.handle.wait(seconds, together, min(self._latest_elapsed / PATIENCE, MOST_PATIENCE_S))

    def advance(self) -> None:
        """Take in a portion of what has arrived; `has_arrivals` tells whether there is more."""
        handle, arrived = self.handle, self._arrived
        if self._closed:
            return
        if self._plan.adaptive:
            self._concurrency = self._plan.concurrency
            self._window = window_of(self._concurrency)
        handle.drain(arrived)
        over = handle.drained
        taken = 0
        while arrived and taken < PORTION:
            self._take_in(arrived.popleft())
            taken += 1
        if self._splitting is not None and not over and not self._closed:
            if not self._under_way and not self._parts:
                self._splitting.settle(self)
            while self._parts and handle.room:
                self._send(self._parts.popleft())
            self.flush()
        if over and not arrived and self._failure is None:
            by = stopped_by(self._policy, self._owner.closed_by)
            self._fail(call_ended(self._probe.name, by, self._requests, self._answered, handle.started))
        if self._progress is not None:
            self._progress.tell()

    @property
    def has_arrivals(self) -> bool:
        """Whether results wait to be taken in."""
        return bool(self._arrived) and not self._closed

    def _take_in(self, completion: engine.Completion) -> None:
        pulled = self._under_way.pop(completion.index, None)
        if pulled is None:  # the stream's time-out, when nothing is under way
            pulled = Pulled(self._pulled, self._start, [], self._probe)
        self._held -= pulled.size
        operation = pulled.operation
        if completion.outcome != OK:
            again = not completion.final and completion.endpoint not in self._answering
            fallback = operation.fallback(completion) if again else None
            if self._split(pulled, completion, fallback is not None):
                return
            if fallback is not None:
                pulled.operation = fallback
                self._send(pulled)
                return
            self._take_in_failure(pulled, completion, None)
            return
        if self._account is not None and pulled.expected is not None:
            self._account.settle(pulled.expected, completion)
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
        self._keep(pulled, completion)
        if self._splitting is not None:
            self._splitting.answered(self, pulled)
        if self._consumers:
            self._tell(pulled, completion, None)

    def _tell(self, pulled: Pulled, completion: engine.Completion, failure: RequestFailed | None) -> None:
        taken = _taken(pulled, completion, failure)
        for consume in self._consumers:
            consume(taken)

    def _split(self, pulled: Pulled, completion: engine.Completion, has_fallback: bool) -> bool:
        """Divide a refused batch, or have it wait for that; False when its failure is one like others."""
        if completion.outcome != Outcome.HTTP_STATUS or completion.status not in REFUSING_CONTENT or completion.final:
            return False
        refusal = refusal_of(completion)
        if len(pulled.inputs) == 1:
            if self._splitting is not None:
                self._splitting.failed(refusal)
            return False
        if not is_to_be_split(refusal, completion.status, self._policy.return_exceptions):
            return False
        if has_fallback and not refusal.unit:
            return False
        if self._splitting is None:
            assert isinstance(self._probe, Batched)
            self._splitting = Splitting(self._probe.limit, self._answered > 0)
        self._splitting.refused(self, pulled, completion, refusal)
        return True

    # What the splitting asks for.

    def lengths(self, pulled: Pulled) -> list[int]:
        return list(map(len, pulled.inputs))

    def divided(self, pulled: Pulled, sizes: Sequence[int], refused: bool) -> Sequence[Pulled]:
        operation = pulled.operation
        assert isinstance(operation, Batched)
        parts = []
        start = 0
        for size in sizes:
            inputs = pulled.inputs[start : start + size]
            parts.append(Pulled(pulled.place, pulled.start + start, inputs, operation.part(start, start + size)))
            start += size
        self._due += len(parts) - 1
        self._open.update(part.start for part in parts)
        return parts

    def send(self, pulled: Pulled) -> None:
        self._parts.append(pulled)

    def give_up(self, pulled: Pulled, completion: engine.Completion, refused: bool) -> None:
        pulled.operation.first = completion.index
        self._take_in_failure(pulled, completion, None)

    def _take_in_failure(self, pulled: Pulled, completion: engine.Completion, invalid: InvalidResponse | None) -> None:
        failure = request_failed(
            completion, invalid, pulled.operation, self._policy, self._endpoints, self._requests,
            range(pulled.start, pulled.start + len(pulled.inputs)),
        )  # fmt: skip
        failure.batch_index = pulled.place
        failure.missing = list(failure.inputs)
        if completion.final or not self._policy.return_exceptions:
            self._fail(failure, _taken(pulled, completion, failure))
            return
        pulled.operation.fail(completion, failure)
        self._keep(pulled, completion)
        if self._consumers:
            self._tell(pulled, completion, failure)

    def _keep(self, pulled: Pulled, completion: engine.Completion) -> None:
        operation = pulled.operation
        response = operation.response(completion.elapsed, completion.matrix)
        if operation.failures:
            operation.explain(response)
        matrix = completion.matrix
        size = len(completion.body) + (0 if matrix is None else 4 * matrix.rows * matrix.dim)
        self._held += size
        self._latest_elapsed = completion.elapsed
        item = self._present(pulled.start, pulled.inputs, response)
        self._results[pulled.start] = item, size, pulled.start + len(pulled.inputs)

    def _fail(self, failure: RequestFailed, taken: TakenIn | None = None) -> None:
        """The stream ends with this, once what has its turn already is given. For `taken` see CallLog.failed."""
        self._failure = failure
        self._abort()
        if self._progress is not None:
            self._progress.tell()
        if self._call_log is not None:
            self._call_log.failed(failure, taken)
            self._call_log = None
        self._let_go()

    def _abort(self) -> None:
        """Abort on the wire whatever is in flight, and take in the answers that had arrived."""
        self.handle.cancel()
        with suppress(RuntimeError):  # in a forked child, where they are the parent's
            self.handle.drain(self._arrived)
        while self._arrived:
            completion = self._arrived.popleft()
            pulled = self._under_way.pop(completion.index, None)
            if pulled is not None and completion.outcome == OK:
                with suppress(InvalidResponse):
                    self._accept(pulled, completion)

    def take(self) -> Item:
        """The next item; only when it is ready."""
        start = self._next if self._ordered else next(iter(self._results))
        item, size, self._next = self._results.pop(start)
        self._held -= size
        self._given += 1
        self._lead = self._lead - 1 if self._lead > 0 else self._sent_ahead()
        self._open.remove(start)  # last: what interrupts this is told that the item was not given
        return item

    def _sent_ahead(self) -> int:
        return min(GIVEN_TOGETHER, len(self._under_way) - self._concurrency)

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
        left = [self._results[place][0] for place in sorted(self._results)]
        inform(exception, next_start=self.next_start, partial=left)

    @property
    def next_start(self) -> int:
        """Number of the first input that was not given."""
        return min(self._open, default=self._start)

    def close(self) -> None:
        """Abort on the wire whatever is in flight, and let go of what waits for its turn to be sent."""
        if self._call_log is not None:
            self._log_end(self._call_log)
            self._call_log = None
        self._let_go()
        self.handle.cancel()
        self._under_way.clear()
        self._arrived.clear()

    def _let_go(self) -> None:
        if self._policy.cancel_token is not None:
            self._policy.cancel_token.unwatch(self)
        self._owner.calls.discard(self)
        if self._progress is not None:
            self._progress.close()
        self._ended = self._closed = True

    def _log_end(self, log: CallLog | HeardLog) -> None:
        if not self.over:
            log.ended("aborted")
        elif self._source_failure is not None:
            log.failed(self._source_failure)
        else:
            log.ended("done")

    def stop(self) -> None:
        """Abort on the wire whatever is in flight, in any thread; the stream then ends with OperationCancelled."""
        self.handle.cancel()


def _taken(pulled: Pulled, completion: engine.Completion, failure: RequestFailed | None) -> TakenIn:
    inputs = range(pulled.start, pulled.start + len(pulled.inputs))
    return TakenIn.of(completion, inputs, pulled.operation.method_of(0), failure)
