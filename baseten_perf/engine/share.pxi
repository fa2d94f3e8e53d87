# A share at work: taking part in its operation, serving it, aborting it, letting go.

cdef bint op_make_shares(Op *op, int count) noexcept nogil:
    """Give an operation its shares, still without loops and slots; False when memory has run out."""
    cdef int routes = op.plan.route_count
    cdef int i, number
    cdef Share *share
    op.shares = <Share *>calloc(count, sizeof(Share))
    if routes > 1:
        op.waiters = <Waiter *>calloc(count * routes, sizeof(Waiter))
    if op.shares == NULL or routes > 1 and op.waiters == NULL:
        return False
    op.share_count = count
    for i in range(count):
        share = &op.shares[i]
        share.op = op
        share.waiters = &share.only_waiter if routes == 1 else &op.waiters[i * routes]
        waiter_init(&share.held, share)
        for number in range(routes):
            waiter_init(&share.waiters[number], share)
    return True


cdef inline void share_link(Share *share, Transfer *transfer) noexcept nogil:
    transfer.previous = NULL
    transfer.next = share.transfers
    if share.transfers != NULL:
        share.transfers.previous = transfer
    share.transfers = transfer
    share.in_flight += transfer.slot


cdef inline void share_unlink(Share *share, Transfer *transfer) noexcept nogil:
    if transfer.previous != NULL:
        transfer.previous.next = transfer.next
    else:
        share.transfers = transfer.next
    if transfer.next != NULL:
        transfer.next.previous = transfer.previous
    share.in_flight -= transfer.slot


cdef void share_attach(Share *share) noexcept nogil:
    cdef Loop *loop = share.loop
    share.attached = True
    count_up(&loop.attached)
    share.previous = NULL
    share.next = loop.shares
    if loop.shares != NULL:
        loop.shares.previous = share
    loop.shares = share
    share.shortage.share = <void *>share
    timer_init(&share.alarm, ALARM, <void *>share)
    timer_init(&share.deadline, DEADLINE_PASSED, <void *>share)
    if share.op.deadline != NEVER and not timers_add(&loop.timers, &share.deadline, share.op.deadline):
        share_fail(share, NULL, OUTCOME_NO_MEMORY, b"out of memory")


cdef void share_detach(Share *share) noexcept nogil:
    """Let go of the operation, unless a wake-up of this share is still queued; the share must be empty.

    Afterwards the share's memory may be gone.
    """
    cdef Loop *loop = share.loop
    loop.monitor.lock()
    cdef bint queued = share.queued
    if not queued:
        share.detached = True
    loop.monitor.unlock()
    if queued:
        return
    timers_remove(&loop.timers, &share.deadline)
    if share.previous != NULL:
        share.previous.next = share.next
    else:
        loop.shares = share.next
    if share.next != NULL:
        share.next.previous = share.previous
    count_down(&loop.attached)
    op_drop(share.op)


cdef void share_serve(Share *share) noexcept nogil:
    """Bring the share forward: abort it, start what may start, or let go of it.  The share may be gone afterwards."""
    cdef Op *op = share.op
    cdef bint idle
    if not share.attached:
        share_attach(share)
    if op_may_start(op):
        share_start_requests(share)
    op.monitor.lock()
    cdef bint over = op.state != OP_RUNNING
    idle = (share.in_flight == 0 and share.ready == NULL and share.waiting == NULL
            and op.started == op.count and op.unsettled == 0)
    op.monitor.unlock()
    if over:
        share_abort(share)
    elif idle:
        # Another share may have taken what this one stands in a queue for.
        share_stand(share, False, False, INFINITY_S)
    share_pass_on(share)
    if over or idle:
        share_detach(share)


cdef void share_fail(Share *share, Request *request, Outcome outcome, const char *words) noexcept nogil:
    """End the whole operation for a reason that no answer brought."""
    share_post_final(share, completion_without_attempt(share.op, request, outcome, words, monotonic_ns()))


cdef void share_post_final(Share *share, NativeCompletion *completion) noexcept nogil:
    """`completion` is NULL when memory has run out."""
    if completion == NULL:
        op_cancel(share.op)
    else:
        op_post(share.op, completion, True)


cdef void share_deadline_passed(Share *share) noexcept nogil:
    """The first share to notice ends the operation; the oldest request that it has not finished is named."""
    cdef Request *request = NULL
    cdef Transfer *transfer = share.transfers
    while transfer != NULL:
        if request == NULL or transfer.request.index < request.index:
            request = transfer.request
        transfer = transfer.next
    if request == NULL:
        request = share.ready
    if request == NULL and share.waiting != NULL:
        request = share.waiting.request
    share_fail(share, request, OUTCOME_DEADLINE, b"the operation's total time-out has passed")
    share_serve(share)


cdef void share_abort(Share *share) noexcept nogil:
    """Stop everything of this share: attempts are aborted on the wire, waiting requests are forgotten."""
    cdef Backoff *backoff
    while share.transfers != NULL:
        transfer_end(share.transfers)
    while share.waiting != NULL:
        backoff = share.waiting
        share.waiting = backoff.next
        timers_remove(&share.loop.timers, &backoff.timer)
        free(backoff)
    share.ready = NULL
    share_stand(share, False, False, INFINITY_S)
