# Operation: the Python handle of a native operation.  It owns the request bodies while loops may read them.

cdef double CENTURY_S = 3e9         # a deadline beyond this would not fit into nanoseconds

# Request ids: the first of a process is drawn, so that a child does not repeat its parent's.
cdef unsigned long long request_ids = 0


cdef void draw_request_ids():
    global request_ids
    request_ids = int.from_bytes(os.urandom(8), "little")


cdef unsigned long long next_request_id():
    """40 bits, with the GIL held."""
    global request_ids
    request_ids += 1
    return splitmix64(request_ids) >> 24


draw_request_ids()

# Handles' leftovers: (Limbo) bodies of operations that were dropped while a loop still had lanes of them.  Swept by
# the next operation that is made or dropped.
cdef list limbo = []


cdef class Limbo:
    cdef Op *op
    cdef list bodies


cdef void sweep_limbo():
    cdef Limbo left
    cdef list kept = []
    for left in limbo:
        if count_now(&left.op.refs) > 1:
            kept.append(left)
        else:
            op_drop(left.op)
    limbo[:] = kept


cdef class Operation:
    """One public call on a plan's engine: push bodies, flush, wait, drain; or cancel.

    Parameters:
        plan: what its requests have in common.
        count: number of requests, at least 1.
        rows: for embeddings, the number of inputs of each request; None when answers are kept as they come.
        ticket: number that the choice of routes starts from.
        mailbox, token: where to announce progress, for asynchronous callers; None to wait() instead.
        spent_s: seconds of the plan's total time-out that have passed already.
    """

    cdef Op *op
    cdef RequestPlan plan
    cdef list bodies
    cdef bytes request_id_stem
    cdef Request *first             # those pushed since the last flush()
    cdef Request *last
    cdef Py_ssize_t pushed
    cdef Py_ssize_t submitted
    cdef Py_ssize_t held            # bodies that have not been let go
    cdef bint flushed
    cdef bint kept_back             # from its loop, until wait() knows who carries it
    cdef readonly bint drained

    def __init__(self, RequestPlan plan not None, Py_ssize_t count, rows, unsigned long long ticket,
                 EventMailbox mailbox, unsigned long long token, double spent_s = 0.0):
        cdef Py_ssize_t i
        cdef long long first = 0
        sweep_limbo()
        if count < 1:
            raise ValueError("an operation needs at least one request")
        if self.op != NULL:
            raise RuntimeError("an operation is made once")
        self.plan = plan
        self.bodies = []
        self.op = op_new(count)
        if self.op == NULL:
            raise MemoryError
        cdef Op *op = self.op
        op.plan = plan.plan
        count_up(&op.plan.refs)
        op.generation = fork_generation
        op.ticket = ticket
        self.request_id_stem = b""
        if op.plan.request_id_prefix != NULL:
            self.request_id_stem = b"%s-%010x" % (op.plan.request_id_prefix, next_request_id())
            op.request_id_stem = copy_text(self.request_id_stem)
            op.request_id_stem_size = len(self.request_id_stem)
        op.begun = seconds_now() - spent_s
        op.retry_budget = op.most_retry_budget = budget_of(op.plan.retry_share, count)
        op.hedge_budget = budget_of(op.plan.hedge_share, count)
        if op.plan.total_timeout_s > 0:
            op.deadline = monotonic_ns() + <long long>(min(op.plan.total_timeout_s - spent_s, CENTURY_S) * 1e9)
        if rows is not None:
            op.embeddings = True
            for i in range(count):
                op.requests[i].first_row = first
                op.requests[i].rows = rows[i]
                first += op.requests[i].rows
            op.total_rows = first
        if mailbox is not None:
            op.mailbox = mailbox.box
            op.token = token
            count_up(&mailbox.box.refs)
        plan.engine.attach(op)

    cdef int check(self) except -1:
        if self.op.generation != fork_generation:
            raise RuntimeError("this call was started by the parent process, before the fork")
        return 0

    def push(self, bytes body not None) -> None:
        """Add the body of the next request.  It is sent from where it lies, never copied."""
        cdef Request *request
        if self.pushed == self.op.count:
            raise IndexError(f"all {self.op.count} bodies have been pushed")
        request = &self.op.requests[self.pushed]
        request.index = self.pushed
        request.body = PyBytes_AS_STRING(body)
        request.body_size = PyBytes_GET_SIZE(body)
        if self.first == NULL:
            self.first = request
        else:
            self.last.next = request
        self.last = request
        self.bodies.append(body)
        self.held += 1
        self.pushed += 1

    def flush(self, Py_ssize_t low_water) -> None:
        """Let the loops start the pushed requests; `hungry` turns true when fewer than `low_water` are left to start.

        A small operation without a mailbox starts in wait(), whose thread may carry it itself.
        """
        cdef Op *op = self.op
        self.check()
        self.kept_back = not self.flushed and self.pushed == op.count and caller_may_carry(op)
        with nogil:
            op_submit(op, self.first, self.last, self.pushed - self.submitted, low_water)
            if not self.kept_back:
                op_wake_lanes(op)
        self.first = NULL
        self.submitted = self.pushed
        self.flushed = True

    def wait(self, double seconds) -> None:
        """Block without the GIL until the operation is over or hungry, at most `seconds`.

        Never returns once the process ends: only daemon threads are left to wait then, and they must stay silent.
        """
        cdef Op *op = self.op
        cdef long long until = monotonic_ns() + <long long>(seconds * 1e9)
        self.check()
        with nogil:
            if self.kept_back and not caller_carries(op, until):
                op_wake_lanes(op)
            self.kept_back = False
            op.monitor.lock()
            if op.state == OP_RUNNING and not op.hungry:
                op.monitor.wait(until - monotonic_ns())
            while count_now(&process_ends):
                op.monitor.wait(1000000000)
            op.monitor.unlock()

    def drain(self, arrived) -> None:
        """Append the completions since the last call, in the order in which the requests ended; frees their bodies.

        Parameters:
            arrived: a list or deque.  Were they returned, a signal handler that raises at that moment would lose them.

        Afterwards `drained` tells whether they were the last ones: never once the process ends, as in wait().
        """
        cdef Op *op = self.op
        cdef Ending *ending
        cdef Ending *following
        cdef Ending *oldest = NULL
        cdef list completions = []
        self.check()
        with nogil:
            op.monitor.lock()
            ending = op.endings
            op.endings = NULL
            op.undrained = 0
            op.mailed = False
            self.drained = op.state != OP_RUNNING and not count_now(&process_ends)
            op.monitor.unlock()
        while ending != NULL:
            following = ending.next
            ending.next = oldest
            oldest = ending
            ending = following
        try:
            while oldest != NULL:
                # Without an answer of its own, the request may be in flight still, and its body being sent.
                if oldest.request != NULL:
                    self.bodies[oldest.request - op.requests] = None
                    self.held -= 1
                completions.append(completion_from(oldest, self.request_id_stem, self.plan.urls))
                oldest = ending_passed(oldest)
        finally:
            # Left over when memory for the completions has run out.
            while oldest != NULL:
                oldest = ending_passed(oldest)
            arrived.extend(completions)

    def cancel(self) -> None:
        """Abort everything of this operation on the wire.  What has arrived can still be drained."""
        # This wakes the lanes, which then let go of their references themselves, also when nothing was flushed.
        self.flushed = True
        if self.op.generation != fork_generation:
            return
        with nogil:
            op_cancel(self.op)

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
        """The rows received so far; None when no vector has arrived."""
        self.check()
        cdef Block *block = op_block(self.op)
        return matrix_of(block) if block != NULL else None

    def __dealloc__(self):
        cdef Limbo left
        if self.op == NULL or self.op.generation != fork_generation:
            return
        if self.flushed:
            op_cancel(self.op)
        else:
            # No loop has seen it: the references taken for the lanes are let go here.
            for _ in range(self.op.lane_count):
                op_drop(self.op)
        if self.held > 0 and count_now(&self.op.refs) > 1:
            left = Limbo.__new__(Limbo)
            left.op = self.op
            left.bodies = self.bodies
            limbo.append(left)
            return
        op_drop(self.op)
        sweep_limbo()
