# A lane at work: taking part in its operation, serving it, aborting it, letting go.

cdef inline void lane_link(Lane *lane, Transfer *transfer) noexcept nogil:
    transfer.previous = NULL
    transfer.next = lane.transfers
    if lane.transfers != NULL:
        lane.transfers.previous = transfer
    lane.transfers = transfer
    lane.in_flight += transfer.slot


cdef inline void lane_unlink(Lane *lane, Transfer *transfer) noexcept nogil:
    if transfer.previous != NULL:
        transfer.previous.next = transfer.next
    else:
        lane.transfers = transfer.next
    if transfer.next != NULL:
        transfer.next.previous = transfer.previous
    lane.in_flight -= transfer.slot


cdef void lane_attach(Lane *lane) noexcept nogil:
    cdef Loop *loop = lane.loop
    lane.attached = True
    count_up(&loop.attached)
    lane.previous = NULL
    lane.next = loop.lanes
    if loop.lanes != NULL:
        loop.lanes.previous = lane
    loop.lanes = lane
    lane.shortage.lane = <void *>lane
    timer_init(&lane.alarm, ALARM, <void *>lane)
    timer_init(&lane.deadline, DEADLINE_PASSED, <void *>lane)
    if lane.op.deadline != NEVER and not timers_add(&loop.timers, &lane.deadline, lane.op.deadline):
        lane_fail(lane, NULL, OUTCOME_NO_MEMORY, b"out of memory")


cdef void lane_detach(Lane *lane) noexcept nogil:
    """Let go of the operation, unless a wake-up of this lane is still queued; the lane must be empty.

    Afterwards the lane's memory may be gone.
    """
    cdef Loop *loop = lane.loop
    loop.monitor.lock()
    cdef bint queued = lane.queued
    if not queued:
        lane.detached = True
    loop.monitor.unlock()
    if queued:
        return
    timers_remove(&loop.timers, &lane.deadline)
    if lane.previous != NULL:
        lane.previous.next = lane.next
    else:
        loop.lanes = lane.next
    if lane.next != NULL:
        lane.next.previous = lane.previous
    count_down(&loop.attached)
    op_drop(lane.op)


cdef void lane_serve(Lane *lane) noexcept nogil:
    """Bring the lane forward: abort it, start what may start, or let go of it.  The lane may be gone afterwards."""
    cdef Op *op = lane.op
    cdef bint idle
    if not lane.attached:
        lane_attach(lane)
    if op_running(op):
        lane_start_requests(lane)
    op.monitor.lock()
    cdef bint over = op.state != OP_RUNNING
    idle = (lane.in_flight == 0 and lane.ready == NULL and lane.waiting == NULL
            and op.started == op.count)
    op.monitor.unlock()
    if over:
        lane_abort(lane)
    elif idle:
        # Another lane may have taken what this one stands in a queue for.
        lane_stand(lane, False, False, INFINITY_S)
    lane_pass_on(lane)
    if over or idle:
        lane_detach(lane)


cdef void lane_fail(Lane *lane, Request *request, Outcome outcome, const char *words) noexcept nogil:
    """End the whole operation for a reason that no answer brought."""
    lane_post_final(lane, ending_without_answer(lane.op, request, outcome, words, monotonic_ns()))


cdef void lane_post_final(Lane *lane, Ending *ending) noexcept nogil:
    """`ending` is NULL when memory has run out."""
    if ending == NULL:
        op_cancel(lane.op)
    else:
        op_post(lane.op, ending, True)


cdef void lane_deadline_passed(Lane *lane) noexcept nogil:
    """The first lane to notice ends the operation; the oldest request that it has not finished is named."""
    cdef Request *request = NULL
    cdef Transfer *transfer = lane.transfers
    while transfer != NULL:
        if request == NULL or transfer.request.index < request.index:
            request = transfer.request
        transfer = transfer.next
    if request == NULL:
        request = lane.ready
    if request == NULL and lane.waiting != NULL:
        request = lane.waiting.request
    lane_fail(lane, request, OUTCOME_DEADLINE, b"the operation's total time-out has passed")
    lane_serve(lane)


cdef void lane_abort(Lane *lane) noexcept nogil:
    """Stop everything of this lane: attempts are aborted on the wire, waiting requests are forgotten."""
    cdef Backoff *backoff
    while lane.transfers != NULL:
        transfer_end(lane.transfers)
    while lane.waiting != NULL:
        backoff = lane.waiting
        lane.waiting = backoff.next
        timers_remove(&lane.loop.timers, &backoff.timer)
        free(backoff)
    lane.ready = NULL
    lane_stand(lane, False, False, INFINITY_S)
