# Operation: the Python handle of a native operation.  It owns the request bodies while loops may read them.

cdef double CENTURY_S = 3e9         # a deadline beyond this would not fit into nanoseconds

cdef unsigned long long operations_made = 0

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
    """One public call on an engine: push bodies, flush, wait, drain; or cancel.

    Parameters:
        engine: where it runs.
        routes: where requests may go: (absolute http or https URL in ASCII, URL of the proxy or empty, EndpointState,
            weight), at least one.
        ticket: number that the choice of routes starts from.
        pinned: whether the first attempts of all requests take the same route.
        method: HTTP method; HEAD has no answer body, and a bodyless operation sends none.
        bodyless: whether requests carry no body.
        lines: constant header lines, without line ends.
        request_id_stem: text before "-<request>-<retry>" in x-baseten-customer-request-id; None to send none.
        deadline_header: whether request-deadline-ms is sent.
        rows: for embeddings, the number of inputs of each request; None when answers are kept as they come.
        count: number of requests, at least 1.
        concurrency: most attempts in flight.
        timeout_s, connect_timeout_s: seconds per attempt.
        total_timeout_s: seconds from now for the whole operation, or None.
        max_retries: most retries of a request.
        initial_backoff_ms: milliseconds before the first retry.
        hedge_delay_s: seconds without any header after which a copy of the request is sent, or None.
        hedge_budget: copies that all requests together may send.
        retry_budget: retries that all requests together may spend on time-outs and repeated network failures.
        final_statuses: HTTP statuses that are never retried.
        mailbox, token: where to announce progress, for asynchronous callers; None to wait() instead.
    """

    cdef Op *op
    cdef Engine engine
    cdef list bodies
    cdef bytes request_id_stem
    cdef list urls                  # of the routes
    cdef Py_ssize_t pushed
    cdef Py_ssize_t held            # bodies that have not been let go
    cdef bint flushed

    def __init__(self, Engine engine not None, *, list routes not None, unsigned long long ticket,
                 bint pinned, str method not None, bint bodyless, list lines not None,
                 bytes request_id_stem, bint deadline_header, rows, Py_ssize_t count, int concurrency, double timeout_s,
                 double connect_timeout_s, total_timeout_s, int max_retries, long initial_backoff_ms, hedge_delay_s,
                 int hedge_budget, int retry_budget,
                 final_statuses, EventMailbox mailbox, unsigned long long token):
        global operations_made
        cdef Py_ssize_t i
        cdef long long first = 0
        sweep_limbo()
        if count < 1 or concurrency < 1:
            raise ValueError("an operation needs at least one request and one slot")
        self.engine = engine
        self.bodies = []
        self.request_id_stem = request_id_stem
        self.urls = [route[0] for route in routes]
        self.op = op_new(count)
        if self.op == NULL:
            raise MemoryError
        cdef Op *op = self.op
        operations_made += 1
        op.serial = operations_made
        op.generation = fork_generation
        self.take_routes(routes)
        op.ticket = ticket
        op.pinned = pinned
        if hedge_delay_s is not None:
            op.hedge_delay = <long long>(<double>hedge_delay_s * 1e9)
        op.hedge_budget = hedge_budget
        if method != "POST":
            op.method = copy_text(method.encode())
        op.head = method == "HEAD"
        op.bodyless = bodyless
        op.lines = <char **>calloc(len(lines) + 1, sizeof(char *))
        if op.lines == NULL:
            raise MemoryError
        for line in lines:
            op.lines[op.line_count] = copy_text(line)
            op.line_count += 1
        if request_id_stem is not None:
            op.request_id_stem = copy_text(request_id_stem)
        op.deadline_header = deadline_header
        op.timeout_ms = <long>max(1, timeout_s * 1000)
        op.connect_timeout_ms = <long>max(1, connect_timeout_s * 1000)
        if total_timeout_s is not None:
            op.deadline = monotonic_ns() + <long long>(min(<double>total_timeout_s, CENTURY_S) * 1e9)
        op.max_retries = max_retries
        op.backoff_ms = initial_backoff_ms
        op.retry_budget = retry_budget
        for status in final_statuses:
            if 0 <= status < 1000:
                op.final_status[<int>status] = 1
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
        engine.attach(op, concurrency)

    cdef int take_routes(self, list routes) except -1:
        cdef EndpointState state
        cdef Route *route
        if not routes:
            raise ValueError("an operation needs at least one route")
        self.op.routes = <Route *>calloc(len(routes), sizeof(Route))
        if self.op.routes == NULL:
            raise MemoryError
        for url, proxy, state, weight in routes:
            route = &self.op.routes[self.op.route_count]
            self.op.route_count += 1
            route.url = copy_text(url)
            route.proxy = copy_text(proxy)
            route.secure = url.startswith(b"https:")
            route.weight = weight
            route.endpoint = state.endpoint
            count_up(&state.endpoint.refs)
        return 0

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
        request.body = PyBytes_AS_STRING(body)
        request.body_size = PyBytes_GET_SIZE(body)
        self.bodies.append(body)
        self.held += 1
        self.pushed += 1

    def flush(self, Py_ssize_t low_water) -> None:
        """Let the loops start the pushed requests; `hungry` turns true when fewer than `low_water` are left to start."""
        cdef Op *op = self.op
        self.check()
        with nogil:
            op.gate.lock()
            op.submitted = self.pushed
            op.low_water = low_water
            op.hungry = False
            op.gate.unlock()
            op_wake_lanes(op)
        self.flushed = True

    def wait(self, double seconds) -> None:
        """Block without the GIL until the operation is over or hungry, at most `seconds`.

        Never returns once the process ends: only daemon threads are left to wait then, and they must stay silent.
        """
        cdef Op *op = self.op
        self.check()
        with nogil:
            op.gate.lock()
            if op.state == OP_RUNNING and not op.hungry:
                op.gate.wait(<long long>(seconds * 1e9))
            while count_now(&process_ends):
                op.gate.wait(1000000000)
            op.gate.unlock()

    def drain(self) -> list:
        """The completions since the last call, in the order in which the requests ended; frees their bodies."""
        cdef Op *op = self.op
        cdef Ending *ending
        cdef Ending *following
        cdef Ending *oldest = NULL
        cdef list completions = []
        self.check()
        with nogil:
            op.gate.lock()
            ending = op.endings
            op.endings = NULL
            op.undrained = 0
            op.mailed = False
            op.gate.unlock()
        while ending != NULL:
            following = ending.next
            ending.next = oldest
            oldest = ending
            ending = following
        while oldest != NULL:
            following = oldest.next
            # Without an answer of its own, the request may be in flight still, and its body being sent.
            if oldest.answered:
                self.bodies[oldest.index] = None
                self.held -= 1
            completions.append(completion_from(oldest, self.request_id_stem, self.urls))
            oldest = following
        return completions

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
        self.op.gate.lock()
        cdef bint hungry = self.op.hungry
        self.op.gate.unlock()
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
        self.op.gate.lock()
        cdef bint cancelled = self.op.state == OP_CANCELLED
        self.op.gate.unlock()
        return cancelled

    @property
    def started(self) -> int:
        """How many requests have been started."""
        self.check()
        self.op.gate.lock()
        cdef Py_ssize_t started = self.op.started
        self.op.gate.unlock()
        return started

    @property
    def matrix(self) -> "Matrix | None":
        """The rows received so far; None when no vector has arrived."""
        self.check()
        self.op.gate.lock()
        cdef Block *block = self.op.block
        self.op.gate.unlock()
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
