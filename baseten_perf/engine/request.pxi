# A request: a slot of its operation, from the push of its body to its completion; and which request is started next.
#
# Owner: the operation.  A slot is written by the thread that pushes, until the request is submitted; then by the loop whose
# lane has taken it.  `next` links it in one list at a time, and belongs to that list.

cdef struct Request:
    Py_ssize_t index                # its number in the operation
    const char *body
    size_t body_size
    long long started               # when an attempt first got a slot; 0 before
    long long first_row
    unsigned long long tried        # routes that attempts went to, a bit for each of the first 64
    double failed                   # instant of the last refusal that may be its own; 0 for none
    Request *next
    unsigned int rows
    unsigned int attempts           # sent so far, hedges aside
    unsigned int refusals           # of them, those that the server did not take: no retries
    unsigned char hedges
    unsigned char retries           # failed attempts that count against max_retries
    unsigned char network_failures


cdef void op_submit(Op *op, Request *first, Request *last, Py_ssize_t count, Py_ssize_t low_water) noexcept nogil:
    """Let the lanes start a list of `count` requests after those that they have; the list may be empty."""
    op.monitor.lock()
    if first != NULL:
        if op.first == NULL:
            op.first = first
        else:
            op.last.next = first
        op.last = last
    op.submitted += count
    op.low_water = low_water
    op.hungry = False
    op.monitor.unlock()


cdef Request *op_next_request(Op *op) noexcept nogil:
    """The next request to start: a returned one, else in input order; NULL when there is none now."""
    cdef Request *request = NULL
    cdef bint ring = False
    op.monitor.lock()
    if op.state == OP_RUNNING and op.first != NULL:
        request = op.first
        op.first = request.next
        op.started += 1
        if op.submitted < op.count and op.submitted - op.started < op.low_water and not op.hungry:
            op.hungry = True
            ring = op_call(op)
    op.monitor.unlock()
    if ring:
        mailbox_post(op.mailbox, op.token)
    return request


cdef bint op_has_request(Op *op) noexcept nogil:
    """Whether op_next_request would give one."""
    op.monitor.lock()
    cdef bint there = op.state == OP_RUNNING and op.first != NULL
    op.monitor.unlock()
    return there


cdef void op_return_request(Op *op, Request *request) noexcept nogil:
    """A lane could not start it: any other may, before the rest."""
    op.monitor.lock()
    request.next = op.first
    if op.first == NULL:
        op.last = request
    op.first = request
    op.started -= 1
    op.monitor.unlock()
