# An operation without shares, loops and sockets: the same slots, lists and states, played by hand.  For tests.

cdef class OperationDriver:
    """Drives one operation: pushes requests, takes them as a share would, returns them, ends them.

    Parameters:
        count: number of requests, or None.
        capacity: without a count, how many may be under way.
        collects, tell_every, divides: see OperationHandle.
    """

    cdef Op *op
    cdef Feed feed
    cdef Plan *plan
    cdef dict taken                 # number -> slot

    def __init__(self, count, Py_ssize_t capacity=0, bint collects=False, Py_ssize_t tell_every=0,
                 bint divides=False):
        cdef Py_ssize_t requests = UNKNOWN if count is None else count
        if self.op != NULL:
            raise RuntimeError("a driver is made once")
        self.plan = <Plan *>calloc(1, sizeof(Plan))
        self.op = op_new(requests, capacity if count is None else max(requests, capacity))
        if self.plan == NULL or self.op == NULL:
            raise MemoryError
        self.plan.refs = 2
        self.plan.retry_share = 0.5
        self.op.plan = self.plan
        self.op.collects = collects
        self.op.divides = divides
        self.op.retry_budget = budget_of(0.5, 0 if self.op.open else requests)
        if tell_every > 0:
            self.op.tell_at = tell_every
        self.taken = {}

    def push(self) -> tuple:
        """The number of the request and its slot. Raises IndexError when there is no room."""
        if feed_room(&self.feed, self.op) < 1:
            raise IndexError("no room")
        cdef Request *request = feed_push(&self.feed, self.op)
        return request.index, request - self.op.requests

    @property
    def room(self) -> int:
        return feed_room(&self.feed, self.op)

    def flush(self, Py_ssize_t low_water) -> None:
        feed_submit(&self.feed, self.op, low_water)

    def close(self) -> None:
        feed_close(&self.feed, self.op)

    def take(self) -> "int | None":
        """The number of the request that a share gets to start."""
        cdef Request *request = op_next_request(self.op)
        if request == NULL:
            return None
        self.taken[request.index] = request - self.op.requests
        return request.index

    def give_back(self, Py_ssize_t number) -> None:
        """The share could not start it."""
        op_return_request(self.op, &self.op.requests[<Py_ssize_t>self.taken.pop(number)])

    def end(self, Py_ssize_t number, bint good) -> None:
        """The request has ended, well or not."""
        self.post(number, OUTCOME_OK if good else OUTCOME_NETWORK, False)

    def refuse(self, Py_ssize_t number) -> None:
        """The request was refused for what it holds, and is unsettled."""
        self.post(number, OUTCOME_HTTP_STATUS, True)

    cdef int post(self, Py_ssize_t number, Outcome outcome, bint unsettled) except -1:
        cdef Request *request = &self.op.requests[<Py_ssize_t>self.taken.pop(number)]
        cdef NativeCompletion *completion = completion_without_attempt(self.op, request, outcome, b"", 0)
        if completion == NULL:
            raise MemoryError
        completion.request = request
        completion.unsettled = unsettled
        op_post(self.op, completion, outcome != OUTCOME_OK and not self.op.collects and not unsettled)
        return 0

    def expect(self, Py_ssize_t more, Py_ssize_t settled=0) -> None:
        feed_expect(self.op, more, settled)

    def resume(self) -> None:
        op_resume(self.op)

    def drain(self) -> list:
        """Numbers of the requests that have ended, and whether they did well; their slots are let go."""
        cdef bint over
        cdef NativeCompletion *completion = op_drain(self.op, &over)
        drained = []
        while completion != NULL:
            drained.append((completion.index, completion.outcome == OUTCOME_OK))
            feed_let_go(&self.feed, completion.request)
            completion = completion_free_first(completion)
        return drained

    def cancel(self) -> None:
        op_cancel(self.op)

    @property
    def told(self) -> bool:
        """Whether a waiter would be told that there is something to do."""
        return op_is_told(self.op)

    @property
    def hungry(self) -> bool:
        return self.op.hungry

    @property
    def state(self) -> str:
        return ("running", "complete", "failed", "cancelled")[<int>self.op.state]

    @property
    def retries(self) -> int:
        """How many the budget allows."""
        return self.op.retry_budget

    def __dealloc__(self):
        if self.op != NULL:
            op_drop(self.op)
        plan_drop(self.plan)
