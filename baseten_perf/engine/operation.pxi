# The native operation: one public call's requests, their progress, and what Python and the loops share of it.
#
# Owner: reference counted.  The Python handle holds one reference, each share that is attached to a loop holds one; the
# last to let go frees it.  Everything below "shared" is guarded by `monitor`; the rest is constant once started.  The
# bodies are borrowed from `bytes` objects which the handle keeps until no share is left (see handle.pxi).

cdef enum Outcome:
    OUTCOME_OK
    OUTCOME_HTTP_STATUS
    OUTCOME_TIMEOUT
    OUTCOME_CONNECT_TIMEOUT
    OUTCOME_NETWORK
    OUTCOME_DEADLINE
    OUTCOME_UNDECODABLE
    OUTCOME_NO_MEMORY

# Why a failed attempt was the last one of its request.
cdef enum Verdict:
    VERDICT_NONE                    # it was a success, or no attempt brought the end
    VERDICT_FINAL_STATUS            # a status that is never retried, or not in this operation
    VERDICT_NOT_TO_RETRY            # x-should-retry: false
    VERDICT_QUOTA                   # insufficient_quota: waiting would not help
    VERDICT_PERMANENT               # a failure that the next attempt would only repeat
    VERDICT_RETRIES                 # max_retries are used up
    VERDICT_BUDGET                  # the operation's retry budget is used up
    VERDICT_PATIENCE                # no success for as long as patience allows
    VERDICT_RETRY_AFTER             # the server asks for a longer wait than patience or the deadline allows
    VERDICT_NEVER_RESPONDED         # the endpoint has never answered in this process

cdef enum OpState:
    OP_RUNNING
    OP_COMPLETE                     # every request has its completion
    OP_FAILED                       # a completion that is not OK ended it
    OP_CANCELLED

cdef enum:
    MOST_LOOPS = 16

cdef Py_ssize_t UNKNOWN = PY_SSIZE_T_MAX        # count of an operation whose end is not known

# How a request ended.  Made by a loop, handed over to the Python Completion.  One piece of memory, except for what has
# an owner's comment of its own: loops and Python's threads pass millions of these to each other.
cdef struct NativeCompletion:
    NativeCompletion *next
    Py_ssize_t index
    Request *request                # its slot, once nothing refers to it; NULL while the request may be in flight still
    bint final                      # it ended the operation
    bint unsettled                  # the operation waits to be told what the request is replaced by: see feed_expect
    Outcome outcome
    int status
    int curl_code
    int attempts                    # hedges included
    int retry                       # which of them brought this: 0 is the first one
    int hedge                       # or which hedge did; 0 when none
    int route
    Verdict verdict
    int refusals                    # of this request
    long long refused_for           # nanoseconds since the last success on its pace, or since the call began
    long long retry_after           # nanoseconds that the last refusal asked for; 0 for none
    int budget                      # what the operation's retry budget was
    int os_errno                    # why a connection failed; 0 for nothing known
    long long elapsed               # nanoseconds
    bint msgpack                    # rather than JSON
    Timings *timings                # behind the struct; NULL where the plan does not ask for them
    char *headers                   # behind these
    size_t headers_size
    char *body                      # behind the headers, unless it is `large_body`
    size_t body_size
    char *large_body                # freed with the completion, as are the next four; or NULL
    char *error                     # or NULL
    char *url                       # or NULL: the route's own
    size_t vectors                  # how many the answer brought: written to the matrix, or these ragged ones:
    float *values                   # see decode/vectors.hpp
    size_t *ends
    RowBuffer *buffer               # a reference: the rows, where each request has its own; or NULL

# The part of an operation that one loop serves: its share of the concurrency and what it has in flight.  Only that
# loop touches it, except `queued`, `detached` and `inbox_next`, which the loop's monitor guards.
cdef struct Share:
    Op *op
    Loop *loop
    int slots
    int in_flight
    Transfer *transfers
    Transfer *unaddressed           # those of them that wait for an address; see address.pxi
    Request *ready                  # FIFO of requests to be sent again
    Request *ready_last
    Backoff *waiting                # requests whose own back-off is not over
    Timer deadline
    Timer alarm                     # when to ask for a permit again
    Waiter held                     # for the client's limit
    Waiter *waiters                 # for each route, for its pace or its endpoint's limit
    Waiter only_waiter              # where there is one route
    Waiter shortage                 # for a descriptor
    bint attached
    Share *previous
    Share *next
    bint queued
    bint detached
    Share *inbox_next

cdef struct Op:
    int refs
    int generation                  # of the process: see fork.pxi
    Core *core                      # a reference: the shares' loops stay reachable
    Plan *plan                      # a reference
    unsigned long long sequence_number  # of the first request: see route.pxi
    char *request_id_stem
    size_t request_id_stem_size
    bint embeddings
    bint apart                      # each request has a buffer of rows of its own: see rows.pxi
    size_t total_rows               # of `buffer`
    bint collects                   # a request that fails is a completion like others; else it ends the operation
    bint divides                    # so it is when a request of several inputs is refused for what it holds
    bint open                       # the number of requests was not known at first
    Py_ssize_t capacity             # how many may be under way: slots
    double begun                    # instant, in seconds
    long long deadline              # monotonic nanoseconds, or NEVER
    Mailbox *mailbox                # NULL for a waiter that blocks on `monitor`
    unsigned long long token
    int share_count
    Share *shares
    Waiter *waiters                 # the shares', where there are several routes
    int most_retry_budget           # atomic
    Request *requests               # its slots: see request.pxi
    # shared
    Monitor *monitor
    OpState state
    Py_ssize_t count                # UNKNOWN until the feed is closed
    int retry_budget
    int hedge_budget
    Request *first                  # FIFO of requests that any share may start
    Request *last
    Py_ssize_t submitted
    Py_ssize_t started
    Py_ssize_t finished
    Py_ssize_t unsettled            # of those that have finished
    bint paused                     # nothing is started: a refusal may be about to end the operation
    Py_ssize_t tell_at              # the waiter is told of so many completions; UNKNOWN: at the end
    Py_ssize_t low_water            # ask for more bodies when fewer than this are left to start
    bint hungry
    bint notified
    NativeCompletion *completions   # newest first
    Py_ssize_t undrained
    RowBuffer *buffer               # all rows, or NULL

cdef Op *op_new(Py_ssize_t count, Py_ssize_t capacity) noexcept nogil:
    """An operation of `count` requests, or UNKNOWN; `capacity` of them may be under way."""
    cdef Op *op = <Op *>calloc(1, sizeof(Op))
    if op == NULL:
        return NULL
    op.refs = 1
    op.count = count
    op.open = count == UNKNOWN
    op.capacity = capacity
    op.tell_at = UNKNOWN
    op.deadline = NEVER
    op.monitor = new Monitor()
    op.requests = <Request *>calloc(capacity, sizeof(Request))
    if op.requests == NULL:
        op_drop(op)
        return NULL
    return op


cdef void op_drop(Op *op) noexcept nogil:
    cdef Py_ssize_t i
    if count_down(&op.refs) > 0:
        return
    while op.completions != NULL:
        op.completions = completion_free_first(op.completions)
    if op.apart:
        for i in range(op.capacity):
            row_buffer_drop(op.requests[i].buffer)
    free(op.shares)
    free(op.waiters)
    free(op.request_id_stem)
    free(op.requests)
    plan_drop(op.plan)
    row_buffer_drop(op.buffer)
    mailbox_drop(op.mailbox)
    if op.core != NULL:
        core_drop(op.core)
    del op.monitor
    free(op)


cdef void completion_free(NativeCompletion *completion) noexcept nogil:
    free(completion.large_body)
    free(completion.error)
    free(completion.url)
    free(completion.values)
    free(completion.ends)
    row_buffer_drop(completion.buffer)
    free(completion)


cdef inline NativeCompletion *completion_free_first(NativeCompletion *completion) noexcept nogil:
    """Free the first completion of a list; the rest of the list."""
    cdef NativeCompletion *following = completion.next
    completion_free(completion)
    return following


cdef inline bint op_notify(Op *op) noexcept nogil:
    """With the monitor held: should the waiter be told now?  True when the mailbox must be notified after unlocking."""
    op.monitor.notify()
    if op.mailbox == NULL or op.notified:
        return False
    op.notified = True
    return True


cdef inline bint op_tells(Op *op) noexcept nogil:
    """With the monitor held: is there something for the waiter to do?"""
    return op.state != OP_RUNNING or op.hungry or op.undrained >= op.tell_at


cdef void op_wait_patiently(Op *op, Py_ssize_t together, long long patience) noexcept nogil:
    """With the monitor held: wait so many nanoseconds; a wake-up for fewer completions would cost more than it brings."""
    cdef Py_ssize_t tell_at = op.tell_at
    if patience <= 0 or together <= tell_at:
        return
    op.tell_at = together
    if not op_tells(op):
        op.monitor.wait(patience)
    if op.tell_at == together:      # a refusal, which is told at once, has lowered it for good
        op.tell_at = tell_at


cdef inline bint op_is_complete(Op *op) noexcept nogil:
    """With the monitor held."""
    return op.finished == op.count and op.unsettled == 0


cdef void op_post(Op *op, NativeCompletion *completion, bint final) noexcept nogil:
    """Hand over how a request ended; a final one ends the operation."""
    cdef bint over = False
    cdef bint notify = False
    op.monitor.lock()
    if op.state != OP_RUNNING:
        op.monitor.unlock()
        completion_free(completion)
        return
    completion.next = op.completions
    op.completions = completion
    op.undrained += 1
    op.finished += 1
    if completion.unsettled:
        op.unsettled += 1
        op.paused = not op.collects
        op.tell_at = 1
    if final:
        completion.final = True
        op.state = OP_FAILED
        over = True
    elif op_is_complete(op):
        op.state = OP_COMPLETE
        over = True
    if over or op.undrained >= op.tell_at:
        notify = op_notify(op)
    op.monitor.unlock()
    if notify:
        mailbox_post(op.mailbox, op.token)
    if over:
        op_wake_shares(op)


cdef NativeCompletion *op_drain(Op *op, bint *over) noexcept nogil:
    """The completions since the last call, the oldest first; and whether there will be no more."""
    cdef NativeCompletion *oldest = NULL
    cdef NativeCompletion *following
    op.monitor.lock()
    cdef NativeCompletion *completion = op.completions
    op.completions = NULL
    op.undrained = 0
    op.notified = False
    over[0] = op.state != OP_RUNNING
    op.monitor.unlock()
    while completion != NULL:
        following = completion.next
        completion.next = oldest
        oldest = completion
        completion = following
    return oldest


cdef bint op_is_told(Op *op) noexcept nogil:
    op.monitor.lock()
    cdef bint told = op_tells(op)
    op.monitor.unlock()
    return told


cdef bint op_running(Op *op) noexcept nogil:
    op.monitor.lock()
    cdef bint running = op.state == OP_RUNNING
    op.monitor.unlock()
    return running


cdef bint op_may_start(Op *op) noexcept nogil:
    op.monitor.lock()
    cdef bint may = op.state == OP_RUNNING and not op.paused
    op.monitor.unlock()
    return may


cdef bint op_withdraw(Op *op, int *budget) noexcept nogil:
    """Withdraw one unit of the operation's retry or hedge budget; False when it is used up."""
    op.monitor.lock()
    cdef bint granted = budget[0] > 0
    if granted:
        budget[0] -= 1
    op.monitor.unlock()
    return granted


cdef void op_deposit(Op *op, Py_ssize_t before, Py_ssize_t requests) noexcept nogil:
    """With the monitor held: so many requests instead of those `before` may spend more on retries and hedges."""
    cdef int most = budget_of(op.plan.retry_share, requests)
    op.retry_budget += most - budget_of(op.plan.retry_share, before)
    op.hedge_budget += budget_of(op.plan.hedge_share, requests) - budget_of(op.plan.hedge_share, before)
    count_set(&op.most_retry_budget, most)


cdef void op_wake_shares(Op *op) noexcept nogil:
    cdef int i
    for i in range(op.share_count):
        loop_enqueue(op.shares[i].loop, &op.shares[i])


cdef void op_cancel(Op *op) noexcept nogil:
    cdef bint notify = False
    op.monitor.lock()
    cdef bint running = op.state == OP_RUNNING
    if running:
        op.state = OP_CANCELLED
        notify = op_notify(op)
    op.monitor.unlock()
    if notify:
        mailbox_post(op.mailbox, op.token)
    if running:
        op_wake_shares(op)
