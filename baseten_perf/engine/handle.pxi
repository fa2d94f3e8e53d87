# OperationHandle: the Python handle of a native operation.  It owns the request bodies while loops may read them.

cdef double CENTURY_S = 3e9         # a deadline beyond this would not fit into nanoseconds

cdef enum:
    MOST_UNDER_WAY = 1048576        # requests of an operation without a known end

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *)
    int PyErr_CheckSignals() except -1


# Loops read the bodies until their shares have let go, which __dealloc__ sees to: the garbage collector, which clears what
# lies in a cycle, must neither clear the handle nor, as a container that it tracks, the list.
@cython.no_gc_clear
cdef class OperationHandle:
    """One public call on a plan's engine: push bodies, flush, wait, drain; or cancel.

    Parameters:
        plan: what its requests have in common.
        count: number of requests, at least 1; None when it is not known before close().
        rows: where vectors go: a number n, to one matrix of n rows; 0, to a matrix of each request's own. None when
            answers are kept as they come.
        sequence_number: number that the choice of routes starts from.
        mailbox, token: where to announce progress, for asynchronous callers; None to wait() instead.
        spent_s: seconds of the plan's total time-out that have passed already.
        capacity: how many requests may be under way, from their push to the drain of their completions; with a count, at
            least so many.
        collects: a request that fails is a completion like others, and does not end the operation.
        tell_every: announce progress, or return from wait(), whenever so many completions can be drained; 0: at the end,
            and when more bodies are wanted.
        divides: a request of several inputs that is refused for what it holds (400, 413, 422) is a completion like others,
            too, and `unsettled`.  It is told at once, and as long as it is not settled the operation is not over; without
            `collects` nothing is started until resume().
    """

    cdef Op *op
    cdef Feed feed
    cdef RequestPlan plan
    cdef list bodies                # by slot; or (body, plan) of a request with a plan of its own
    cdef bytes request_id_stem
    cdef bint planned               # whether there are such
    cdef size_t rows                # pushed so far
    cdef bint flushed
    cdef bint awaits_caller         # from its loop, until wait() knows who carries it
    cdef readonly bint drained

    def __init__(self, RequestPlan plan not None, count, rows, unsigned long long sequence_number, EventMailbox mailbox,
                 unsigned long long token, double spent_s=0.0, bint collects=False, Py_ssize_t tell_every=0,
                 Py_ssize_t capacity=0, bint divides=False):
        cdef Py_ssize_t requests = UNKNOWN if count is None else count
        sweep_limbo()
        if requests < 1:
            raise ValueError("an operation needs at least one request")
        if count is not None:
            capacity = max(requests, capacity)
        elif not 1 <= capacity <= MOST_UNDER_WAY:
            raise ValueError(f"capacity must be between 1 and {MOST_UNDER_WAY}, not {capacity}")
        if self.op != NULL:
            raise RuntimeError("an operation is made once")
        self.plan = plan
        self.bodies = []
        PyObject_GC_UnTrack(<void *>self.bodies)
        self.op = op_new(requests, capacity)
        if self.op == NULL:
            raise MemoryError
        cdef Op *op = self.op
        op.plan = plan.plan
        count_up(&op.plan.refs)
        op.generation = fork_generation
        op.sequence_number = sequence_number
        self.request_id_stem = op_make_request_id_stem(op)
        op.begun = seconds_now() - spent_s
        op.collects = collects
        op.divides = divides
        if tell_every > 0:
            op.tell_at = tell_every
        op.retry_budget = op.most_retry_budget = budget_of(op.plan.retry_share, 0 if op.open else requests)
        op.hedge_budget = budget_of(op.plan.hedge_share, 0 if op.open else requests)
        if op.plan.total_timeout_s > 0:
            op.deadline = monotonic_ns() + <long long>(min(op.plan.total_timeout_s - spent_s, CENTURY_S) * 1e9)
        if rows is not None:
            op.embeddings = True
            op.total_rows = rows
            op.apart = rows == 0
        if mailbox is not None:
            op.mailbox = mailbox.box
            op.token = token
            count_up(&mailbox.box.refs)
        cdef Engine engine = plan.engine
        if engine is None:
            raise RuntimeError("no call can be started any more: the client is closed")
        engine.attach(op)

    cdef int check(self) except -1:
        if self.op.generation != fork_generation:
            raise RuntimeError("this call was started by the parent process, before the fork")
        return 0

    def push(self, bytes body not None, unsigned int rows=0, double cost=0) -> None:
        """Add the body of the next request.  It is sent from where it lies, never copied.

        Parameters:
            rows: how many inputs it carries.  So many vectors its answer may have; they follow those of the request before.
            cost: tokens that each attempt takes from the limits of its client and its endpoint, as far as estimated.

        Raises IndexError when there is no room; see `room`.
        """
        cdef Request *request
        if self.op.embeddings and not self.op.apart and rows > self.op.total_rows - self.rows:
            raise IndexError(f"rows {self.rows} to {self.rows + rows} of {self.op.total_rows}")
        request = self.add(body, self.op.plan, cost, body)
        request.first_row = self.rows
        request.rows = rows
        self.rows += rows

    def push_numbered(
        self, bytes body not None, unsigned int rows, Py_ssize_t number, size_t row, double cost=0
    ) -> None:
        """Add the body of a request with a number of its own, which no other has; its vectors go to the rows from `row` on.

        From the first such request on, all are pushed in this way.
        """
        cdef Request *request
        if self.op.embeddings and not self.op.apart and not row <= row + rows <= self.op.total_rows:
            raise IndexError(f"rows {row} to {row + rows} of {self.op.total_rows}")
        request = self.add(body, self.op.plan, cost, body)
        request.index = number
        request.first_row = row
        request.rows = rows

    def push_planned(self, bytes body not None, RequestPlan plan not None, double cost=0) -> None:
        """Add the body of a request that is sent as another plan says: URLs, method and header lines.

        The plan has the routes of the operation's own to other paths, in the same order.  Its limits and its paces do
        not count.
        """
        if plan.plan.route_count != self.op.plan.route_count:
            raise ValueError("the plan has other routes than that of the operation")
        if plan.plan.core != self.op.core:
            plan_find_hosts(plan.plan, self.op.core)
        self.planned = True
        self.add(body, plan.plan, cost, (body, plan))

    cdef inline Request *add(self, bytes body, Plan *plan, double cost, object held) except NULL:
        cdef Op *op = self.op
        cdef Request *request
        cdef Py_ssize_t slot
        if feed_room(&self.feed, op) < 1:
            raise IndexError(f"all {op.count} bodies have been pushed" if self.feed.pushed == op.count
                             else f"all {op.capacity} requests are under way")
        request = feed_push(&self.feed, op)
        request.plan = plan
        request.body = PyBytes_AS_STRING(body)
        request.body_size = PyBytes_GET_SIZE(body)
        if op.plan.timings:
            request.pushed = monotonic_ns()
        request.cost = cost
        slot = request - op.requests
        if slot == len(self.bodies):
            self.bodies.append(held)
        else:
            self.bodies[slot] = held
        return request

    cdef list urls_of(self, Py_ssize_t slot):
        """Those of the routes of a request."""
        held = self.bodies[slot] if slot < len(self.bodies) else None
        return (<RequestPlan>(<tuple>held)[1]).urls if type(held) is tuple else self.plan.urls

    @property
    def room(self) -> int:
        """How many more requests may be pushed before completions are drained."""
        return feed_room(&self.feed, self.op)

    @property
    def under_way(self) -> int:
        """How many requests have been pushed whose completions are not drained."""
        return self.feed.held

    def flush(self, Py_ssize_t low_water) -> None:
        """Let the loops start the pushed requests; `hungry` turns true when fewer than `low_water` are left to start.

        A small operation without a mailbox starts in wait(), whose thread may carry it itself; one with a mailbox may start
        in here, in the thread of its event loop.
        """
        cdef Op *op = self.op
        cdef bint first = not self.flushed and self.feed.pushed == op.count
        self.check()
        self.awaits_caller = first and caller_may_run(op)
        cdef bint is_small = first and event_loop_may_run(op, op.requests[0].body_size)
        with nogil:
            feed_submit(&self.feed, op, low_water)
            if not self.awaits_caller and not (is_small and event_loop_begins(op)):
                op_wake_shares(op)
        self.flushed = True

    def expect(self, Py_ssize_t more, Py_ssize_t settled=0) -> None:
        """The operation has `more` requests than it was told; so many of those that were unsettled are settled.

        A refused request that others replace is settled once they are counted, before they are pushed; one that stands as
        failed, with no more.
        """
        self.check()
        with nogil:
            feed_expect(self.op, more, settled)

    def resume(self) -> None:
        """A refusal that has been drained does not end the operation."""
        self.check()
        with nogil:
            op_resume(self.op)

    def close(self) -> None:
        """Flush; nothing more will be pushed: the operation is over when all that was pushed has ended."""
        cdef Op *op = self.op
        self.check()
        with nogil:
            feed_close(&self.feed, op)
            op_wake_shares(op)
        self.awaits_caller = False
        self.flushed = True

    def wait(self, double seconds, Py_ssize_t together=1, double patience=0.0) -> None:
        """Block without the GIL until the operation is over, hungry, or tells of completions; at most `seconds`.

        For the first `patience` seconds fewer completions than `together` are nothing to tell of.

        Never returns once the process ends; see op_stay_silent.  Raises what a signal handler raises.
        """
        cdef Op *op = self.op
        cdef long long until = monotonic_ns() + <long long>(seconds * 1e9)
        self.check()
        with nogil:
            if self.awaits_caller and not caller_runs(op, until):
                op_wake_shares(op)
            self.awaits_caller = False
            op.monitor.lock()
            op_wait_patiently(op, together, <long long>(patience * 1e9))
            if not op_tells(op):
                op.monitor.wait(until - monotonic_ns())
            op_stay_silent(op)
            op.monitor.unlock()
        PyErr_CheckSignals()        # the caller may be compiled, too, and then nobody else does

    def drain(self, arrived) -> None:
        """Append the completions since the last call, in the order in which the requests ended; frees their bodies.

        Parameters:
            arrived: a list or deque.  Were they returned, a signal handler that raises at that moment would lose them.

        Afterwards `drained` tells whether they were the last ones: never once the process ends, as in wait().
        """
        cdef Op *op = self.op
        cdef NativeCompletion *oldest = NULL
        cdef list urls
        cdef list completions = []
        cdef Py_ssize_t slot
        cdef bint over
        self.check()
        with nogil:
            oldest = op_drain(op, &over)
        self.drained = over and not count_now(&process_ends)
        try:
            while oldest != NULL:
                # Without a slot to let go, the request may be in flight still, and its body being sent.
                slot = oldest.request - op.requests if oldest.request != NULL else oldest.index
                urls = self.plan.urls if not self.planned else self.urls_of(slot)
                if oldest.request != NULL:
                    self.bodies[slot] = None
                    feed_let_go(&self.feed, oldest.request)
                completions.append(completion_from(oldest, self.request_id_stem, urls))
                oldest = completion_free_first(oldest)
        finally:
            # Left over when memory for the completions has run out.
            while oldest != NULL:
                oldest = completion_free_first(oldest)
            arrived.extend(completions)

    def cancel(self) -> None:
        """Abort everything of this operation on the wire.  What has arrived can still be drained."""
        # This wakes the shares, which then let go of their references themselves, also when nothing was flushed.
        self.flushed = True
        if self.op.generation != fork_generation:
            return
        with nogil:
            op_cancel(self.op)

    @property
    def stale(self) -> bool:
        """Whether it was made before the last fork, by the parent process, whose it is."""
        return self.op.generation != fork_generation

    @property
    def hungry(self) -> bool:
        """Whether the loops want more bodies."""
        self.check()
        self.op.monitor.lock()
        cdef bint hungry = self.op.hungry
        self.op.monitor.unlock()
        return hungry

    @property
    def over(self) -> bool:
        """Whether every request has ended, or one has failed, or the operation was cancelled.

        Never once the process ends: see wait().
        """
        self.check()
        return not op_running(self.op) and not count_now(&process_ends)

    @property
    def cancelled(self) -> bool:
        """Whether cancel() ended the operation."""
        self.check()
        self.op.monitor.lock()
        cdef bint cancelled = self.op.state == OP_CANCELLED
        self.op.monitor.unlock()
        return cancelled

    @property
    def started(self) -> int:
        """How many requests have been started."""
        self.check()
        self.op.monitor.lock()
        cdef Py_ssize_t started = self.op.started
        self.op.monitor.unlock()
        return started

    @property
    def matrix(self) -> "Matrix | None":
        """The rows received so far, of all requests; None when no vector has arrived, or each request has its own."""
        self.check()
        cdef RowBuffer *buffer = op_row_buffer(self.op)
        return matrix_of(buffer) if buffer != NULL else None

    def __dealloc__(self):
        if self.op == NULL or self.op.generation != fork_generation:
            return
        if self.flushed:
            op_cancel(self.op)
        else:
            # No loop has seen it: the references taken for the shares are let go here.
            for _ in range(self.op.share_count):
                op_drop(self.op)
        if self.feed.held > 0 and count_now(&self.op.refs) > 1:
            leave_in_limbo(self.op, self.bodies)
            return
        op_drop(self.op)
        sweep_limbo()
