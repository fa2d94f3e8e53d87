# A request: a slot of its operation, from the push of its body to its completion; and which request is started next.
#
# Owner: the operation, which has `capacity` slots.  A slot is written by the thread that feeds, until the request is
# submitted; then by the loop whose share has taken it.  `next` links it in one list at a time, and belongs to that list.
# Once the completion is drained nothing refers to the slot, and the feeding thread may use it again: so an operation
# without a known end needs as many slots as it has requests under way, and a slow request holds up none of those behind it.

cdef struct Request:
    Py_ssize_t index                # its number in the operation
    Plan *plan                      # how it is sent: the operation's, or one that the handle keeps as it keeps the body
    const char *body
    size_t body_size
    long long pushed                # when it was pushed, where its plan asks for timings; 0 elsewhere
    long long started               # when an attempt first got a slot; 0 before
    long long first_row
    unsigned long long tried        # routes that attempts went to, a bit for each of the first 64
    double cost                     # in tokens, as it was estimated
    double failed                   # instant of the last refusal that may be its own; 0 for none
    Request *next
    RowBuffer *buffer               # a reference: rows of its own, see rows.pxi; or NULL
    unsigned int rows               # inputs; of vectors, so many rows
    unsigned int attempts           # sent so far, hedges aside
    unsigned int refusals           # of them, those that the server did not take: no retries
    unsigned char hedges
    unsigned char retries           # failed attempts that count against max_retries
    unsigned char network_failures

# What only the feeding thread knows of an operation's slots.
cdef struct Feed:
    Request *free                   # slots to be used again
    Request *first                  # those pushed since the last feed_submit
    Request *last
    Py_ssize_t used                 # slots that have ever been used
    Py_ssize_t pushed
    Py_ssize_t submitted
    Py_ssize_t held                 # slots that have not been let go


cdef inline Py_ssize_t feed_room(Feed *feed, Op *op) noexcept nogil:
    """How many requests may be pushed now."""
    return min(op.count - feed.pushed, op.capacity - feed.held)


cdef inline Request *feed_push(Feed *feed, Op *op) noexcept nogil:
    """A clean slot for the next request, of which the loops learn by feed_submit; there must be room."""
    cdef Request *request = feed.free
    if request != NULL:
        feed.free = request.next
        memset(request, 0, sizeof(Request))
    else:
        request = &op.requests[feed.used]
        feed.used += 1
    request.index = feed.pushed
    if feed.first == NULL:
        feed.first = request
    else:
        feed.last.next = request
    feed.last = request
    feed.pushed += 1
    feed.held += 1
    return request


cdef inline void feed_let_go(Feed *feed, Request *request) noexcept nogil:
    """The completion of this request has been drained."""
    request.next = feed.free
    feed.free = request
    feed.held -= 1


cdef void feed_submit(Feed *feed, Op *op, Py_ssize_t low_water) noexcept nogil:
    """Let the shares start what has been pushed, after what they have; the operation is hungry again below `low_water`."""
    op.monitor.lock()
    op_take_feed(op, feed)
    op.low_water = low_water
    op.hungry = False
    op.monitor.unlock()


cdef void feed_close(Feed *feed, Op *op) noexcept nogil:
    """Nothing more will be pushed: the operation is complete when all that was pushed has ended."""
    cdef bint notify = False
    op.monitor.lock()
    op_take_feed(op, feed)
    op.count = feed.pushed
    op.hungry = False
    if op.state == OP_RUNNING and op_is_complete(op):
        op.state = OP_COMPLETE
        notify = op_notify(op)
    op.monitor.unlock()
    if notify:
        mailbox_post(op.mailbox, op.token)


cdef void feed_expect(Op *op, Py_ssize_t more, Py_ssize_t settled) noexcept nogil:
    """The operation has `more` requests than was known; so many of the refused ones are replaced, or stand as failed."""
    cdef bint notify = False
    op.monitor.lock()
    if not op.open:
        op.count += more
    op.unsettled -= settled
    cdef bint over = op.state == OP_RUNNING and op_is_complete(op)
    if over:
        op.state = OP_COMPLETE
        notify = op_notify(op)
    op.monitor.unlock()
    if notify:
        mailbox_post(op.mailbox, op.token)
    if over:
        op_wake_shares(op)


cdef void op_resume(Op *op) noexcept nogil:
    """What was refused does not end the operation: start what waits."""
    op.monitor.lock()
    cdef bint paused = op.paused
    op.paused = False
    op.monitor.unlock()
    if paused:
        op_wake_shares(op)


cdef void op_take_feed(Op *op, Feed *feed) noexcept nogil:
    """With the monitor held."""
    if feed.first != NULL:
        if op.first == NULL:
            op.first = feed.first
        else:
            op.last.next = feed.first
        op.last = feed.last
        feed.first = NULL
    if op.open:
        op_deposit(op, op.submitted, feed.pushed)
    op.submitted = feed.submitted = feed.pushed


cdef Request *op_next_request(Op *op) noexcept nogil:
    """The next request to start: a returned one, else in input order; NULL when there is none now."""
    cdef Request *request = NULL
    cdef bint notify = False
    op.monitor.lock()
    if op.state == OP_RUNNING and op.first != NULL and not op.paused:
        request = op.first
        op.first = request.next
        op.started += 1
        if op.submitted < op.count and op.submitted - op.started < op.low_water and not op.hungry:
            op.hungry = True
            notify = op_notify(op)
    op.monitor.unlock()
    if notify:
        mailbox_post(op.mailbox, op.token)
    return request


cdef bint op_has_request(Op *op) noexcept nogil:
    """Whether op_next_request would give one."""
    op.monitor.lock()
    cdef bint there = op.state == OP_RUNNING and op.first != NULL and not op.paused
    op.monitor.unlock()
    return there


cdef void op_return_request(Op *op, Request *request) noexcept nogil:
    """A share could not start it: any other may, before the rest."""
    op.monitor.lock()
    request.next = op.first
    if op.first == NULL:
        op.last = request
    op.first = request
    op.started -= 1
    op.monitor.unlock()
