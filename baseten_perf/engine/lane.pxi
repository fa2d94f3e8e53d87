# A lane at work: starting an operation's requests on this loop, ending attempts, backing off, aborting, letting go.

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
    timer_init(&lane.deadline, DEADLINE_PASSED, <void *>lane)
    if lane.op.deadline != NEVER and not timers_add(&loop.timers, &lane.deadline, lane.op.deadline):
        lane_fail(lane, 0, OUTCOME_NO_MEMORY, b"out of memory")


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
    idle = lane.in_flight == 0 and lane.ready == NULL and lane.waiting == NULL and op.started == op.count
    op.monitor.unlock()
    if over:
        lane_abort(lane)
    if over or idle:
        lane_detach(lane)


cdef void lane_start_requests(Lane *lane) noexcept nogil:
    cdef Op *op = lane.op
    cdef Py_ssize_t index
    cdef Backoff *backoff
    cdef bint retries_admitted = True
    cdef int route
    while lane.in_flight < lane.slots:
        backoff = lane.ready
        if backoff != NULL and retries_admitted:
            index = backoff.index
            route = op_choose_route(op, index, op.requests[index].tried, op.requests[index].attempts)
            if not endpoint_admits_retry(op.plan.routes[route].endpoint, lane):
                retries_admitted = False
                continue
            lane.ready = backoff.next
            free(backoff)
        else:
            index = op_next_request(op)
            if index < 0:
                return
            op.requests[index].started = monotonic_ns()
            route = op_choose_route(op, index, 0, 0)
        if not lane_start_attempt(lane, index, route):
            return


cdef bint lane_start_attempt(Lane *lane, Py_ssize_t index, int route) noexcept nogil:
    cdef Op *op = lane.op
    cdef Loop *loop = lane.loop
    cdef bint retry = op.requests[index].attempts > 0
    cdef Transfer *transfer = loop_idle_transfer(loop, op.plan.routes[route].secure)
    if transfer == NULL:
        if retry:
            endpoint_retry_ended(op.plan.routes[route].endpoint)
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        return False
    transfer.retry = retry
    cdef int code = transfer_begin(transfer, lane, index, route, 0)
    if code == 0 and op.plan.hedge_delay > 0 and op.requests[index].attempts <= HEDGED_ATTEMPTS:
        if not timers_add(&loop.timers, &transfer.hedge_timer, monotonic_ns() + op.plan.hedge_delay):
            code = E_OUT_OF_MEMORY
    if code != 0:
        transfer.serial = 0
        transfer.route = route
        transfer_end(transfer)
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"libcurl would not take the transfer")
        return False
    return True


cdef enum:
    # Only the first attempt and the first retry of a request are hedged.
    HEDGED_ATTEMPTS = 2


cdef void lane_hedge(Transfer *transfer) noexcept nogil:
    """No header has come for long: send a copy elsewhere, within the hedge budget.  It takes no slot."""
    cdef Lane *lane = transfer.lane
    cdef Op *op = lane.op
    cdef Request *request = &op.requests[transfer.index]
    cdef Transfer *copy
    cdef int route
    if transfer.status != 0 or transfer.twin != NULL or not op_withdraw(op, &op.hedge_budget):
        return
    route = op_choose_route(op, transfer.index, request.tried, request.attempts)
    copy = loop_idle_transfer(lane.loop, op.plan.routes[route].secure)
    if copy == NULL:
        return
    request.hedges += 1
    # The copy decodes apart from the matrix: two attempts must never write to the same rows.
    if transfer_begin(copy, lane, transfer.index, route, request.hedges) != 0:
        transfer_end(copy)
        return
    copy.twin = transfer
    transfer.twin = copy


cdef void lane_attempt_ended(Transfer *transfer, int code) noexcept nogil:
    """libcurl has ended this transfer: complete its request, or make another attempt later."""
    cdef Lane *lane = transfer.lane
    cdef Op *op = lane.op
    cdef Py_ssize_t index = transfer.index
    cdef Outcome outcome = outcome_of(transfer, code)
    cdef Ending *ending = NULL
    cdef curl_off_t asked = transfer.retry_after_ms
    cdef long long wait = -1
    cdef Transfer *twin = transfer.twin
    if twin != NULL:
        if outcome == OUTCOME_OK:
            transfer_end(twin)      # the first success wins, the other is aborted on the wire
        else:
            # The other copy may still succeed: it goes on alone, in the slot of both.
            twin.slot, transfer.slot = transfer.slot or twin.slot, False
            transfer_end(transfer)
            lane_serve(lane)
            return
    if outcome == OUTCOME_NETWORK and code == E_COULDNT_CONNECT and lane.loop.starved:
        if lane_makes_do(lane, transfer):
            return
        snprintf(transfer.error, sizeof(transfer.error), b"no descriptor is left for a connection (see ulimit -n)")
    if outcome != OUTCOME_OK and attempt_again(op, &op.requests[index], outcome, transfer.status, code):
        if asked == 0 and outcome == OUTCOME_HTTP_STATUS:
            curl.easy_getinfo(transfer.easy, INFO_RETRY_AFTER, &asked)
            asked *= 1000
        wait = backoff_ns(op, op.requests[index].attempts, asked, loop_random(lane.loop))
    if wait >= 0:
        transfer_end(transfer)
        lane_back_off(lane, index, wait)
    else:
        ending = ending_of(transfer, outcome, code, monotonic_ns())
        transfer_end(transfer)
        if ending == NULL:
            lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for an answer")
        else:
            op_post(op, ending)
    lane_serve(lane)


cdef bint lane_makes_do(Lane *lane, Transfer *transfer) noexcept nogil:
    """The process has no descriptor left: go on with the connections there are.  False when there is no other.

    The attempt never was one, so it does not count.
    """
    cdef Py_ssize_t index = transfer.index
    if lane.loop.load < 2:
        return False
    lane.op.requests[index].attempts -= 1
    transfer_end(transfer)
    lane.slots = max(1, lane.in_flight)
    lane_back_off(lane, index, STARVED_BACKOFF)
    lane_serve(lane)
    return True


cdef void lane_fail(Lane *lane, Py_ssize_t index, Outcome outcome, const char *words) noexcept nogil:
    """End the whole operation for a reason that no answer brought."""
    cdef Ending *ending = ending_without_answer(lane.op, index, outcome, words, monotonic_ns())
    if ending == NULL:
        op_cancel(lane.op)
    else:
        op_post(lane.op, ending)


cdef void lane_back_off(Lane *lane, Py_ssize_t index, long long wait) noexcept nogil:
    cdef Backoff *backoff = <Backoff *>calloc(1, sizeof(Backoff))
    if backoff == NULL:
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for a retry")
        return
    backoff.lane = lane
    backoff.index = index
    timer_init(&backoff.timer, BACKOFF_OVER, <void *>backoff)
    if not timers_add(&lane.loop.timers, &backoff.timer, monotonic_ns() + wait):
        free(backoff)
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for a retry")
        return
    backoff.next = lane.waiting
    if lane.waiting != NULL:
        lane.waiting.previous = backoff
    lane.waiting = backoff


cdef void lane_backoff_over(Backoff *backoff) noexcept nogil:
    cdef Lane *lane = backoff.lane
    if backoff.previous != NULL:
        backoff.previous.next = backoff.next
    else:
        lane.waiting = backoff.next
    if backoff.next != NULL:
        backoff.next.previous = backoff.previous
    backoff.next = NULL
    if lane.ready == NULL:
        lane.ready = backoff
    else:
        lane.ready_last.next = backoff
    lane.ready_last = backoff
    lane_serve(lane)


cdef void lane_deadline_passed(Lane *lane) noexcept nogil:
    """The first lane to notice ends the operation; the oldest request that it has not finished is named."""
    cdef Op *op = lane.op
    cdef Py_ssize_t index = -1
    cdef Transfer *transfer = lane.transfers
    while transfer != NULL:
        if index < 0 or transfer.index < index:
            index = transfer.index
        transfer = transfer.next
    if index < 0 and lane.waiting != NULL:
        index = lane.waiting.index
    if index < 0:
        op.monitor.lock()
        index = min(op.started, op.count - 1)
        op.monitor.unlock()
    lane_fail(lane, index, OUTCOME_DEADLINE, b"the operation's total time-out has passed")
    lane_serve(lane)


cdef void lane_abort(Lane *lane) noexcept nogil:
    """Stop everything of this lane: attempts are aborted on the wire, waiting retries are forgotten."""
    cdef Backoff *backoff
    while lane.transfers != NULL:
        transfer_end(lane.transfers)
    while lane.waiting != NULL:
        backoff = lane.waiting
        lane.waiting = backoff.next
        timers_remove(&lane.loop.timers, &backoff.timer)
        free(backoff)
    while lane.ready != NULL:
        backoff = lane.ready
        lane.ready = backoff.next
        free(backoff)
