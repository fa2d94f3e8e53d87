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
    lane.ready = -1
    lane.shortage.lane = <void *>lane
    timer_init(&lane.alarm, ALARM, <void *>lane)
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
    idle = (lane.in_flight == 0 and lane.ready < 0 and lane.waiting == NULL and op.started == op.count
            and op.returned < 0)
    op.monitor.unlock()
    if over:
        lane_abort(lane)
    lane_pass_on(lane)
    if over or idle:
        lane_detach(lane)


cdef void lane_start_requests(Lane *lane) noexcept nogil:
    """Start what slots, descriptors and paces admit; where they do not, wait for them."""
    cdef Op *op = lane.op
    cdef Permit permit
    cdef Py_ssize_t index
    cdef int route
    cdef double now
    cdef double patience_ends = INFINITY_S
    cdef double look_again = INFINITY_S
    cdef bint waits = False             # at paces
    cdef bint short = False
    cdef bint last_chance = False
    while lane.in_flight < lane.slots:
        if not shortage_admits(lane.loop, lane) and not last_chance and (lane.ready >= 0 or op_has_request(op)):
            short = True
        else:
            index = lane_next_request(lane)
            if index < 0:
                break
            now = seconds_now()
            route = op_take_permit(op, index, lane.waiters, now, last_chance, &permit, &look_again)
            if route >= 0:
                if not lane_start_attempt(lane, index, route, &permit) or last_chance:
                    break
                continue
            lane_put_back(lane, index)
            waits = True
        if last_chance:
            break
        # Nothing can be started.  One attempt is made regardless when patience ends, or will before a gate opens, or the
        # deadline will: its failure is what the caller gets.
        now = seconds_now()
        patience_ends = op_patience_ends(op)
        if now < patience_ends and not (waits and op_stays_closed(op, min(patience_ends, op.deadline * 1e-9))):
            break
        patience_ends = INFINITY_S      # what is in flight brings the lane back here
        if lane.in_flight > 0:
            break
        last_chance = True
        short = waits = False
    lane_stand(lane, short, waits, min(look_again, patience_ends))


cdef void lane_stand(Lane *lane, bint short, bint waits, double look_again) noexcept nogil:
    """Stay in the queues that the lane waits in, leave the others, and set the alarm."""
    cdef Loop *loop = lane.loop
    cdef int i
    if short != lane.shortage.waiting:
        if short:
            queue_append(&loop.shortage.queue, &lane.shortage)
        else:
            queue_remove(&loop.shortage.queue, &lane.shortage)
    if short and count_now(&loop.load) == 0:
        lane_hand_back(lane)
    if not waits:
        for i in range(lane.op.plan.route_count):
            if lane.waiters[i].waiting:
                pace_leave(lane.op.plan.routes[i].pace, &lane.waiters[i])
    timers_remove(&loop.timers, &lane.alarm)
    if (short or waits) and look_again < CENTURY_S:
        if not timers_add(&loop.timers, &lane.alarm, <long long>(look_again * 1e9) + 1):
            lane_fail(lane, 0, OUTCOME_NO_MEMORY, b"out of memory for a timer")


cdef void lane_pass_on(Lane *lane) noexcept nogil:
    """Wake who may start now that this lane has started what it could, or has ended something."""
    cdef Lane *other
    cdef Waiter *waiter
    cdef int i
    for i in range(lane.op.plan.route_count):
        waiter = pace_next(lane.op.plan.routes[i].pace, seconds_now())
        if waiter != NULL:
            other = <Lane *>waiter.lane
            loop_enqueue(other.loop, other)
            op_drop(other.op)
    shortage_passes_on(lane.loop)


cdef Py_ssize_t lane_next_request(Lane *lane) noexcept nogil:
    """The request to send next: one that is ready again, before a fresh one; -1 for none."""
    cdef Op *op = lane.op
    cdef Py_ssize_t index = lane.ready
    if index >= 0:
        lane.ready = op.requests[index].next
    else:
        index = op_next_request(op)
        if index >= 0 and op.requests[index].started == 0:
            op.requests[index].started = monotonic_ns()
    return index


cdef void lane_put_back(Lane *lane, Py_ssize_t index) noexcept nogil:
    """The request goes before all others that are ready."""
    lane.op.requests[index].next = lane.ready
    if lane.ready < 0:
        lane.ready_last = index
    lane.ready = index


cdef void lane_put_last(Lane *lane, Py_ssize_t index) noexcept nogil:
    lane.op.requests[index].next = -1
    if lane.ready < 0:
        lane.ready = index
    else:
        lane.op.requests[lane.ready_last].next = index
    lane.ready_last = index


cdef void lane_hand_back(Lane *lane) noexcept nogil:
    """This loop has no connection at all: what is ready here may go by way of another."""
    cdef Py_ssize_t index
    if lane.op.lane_count == 1 or lane.ready < 0:
        return
    while lane.ready >= 0:
        index = lane.ready
        lane.ready = lane.op.requests[index].next
        op_return_request(lane.op, index)
    op_wake_lanes(lane.op)


cdef bint lane_start_attempt(Lane *lane, Py_ssize_t index, int route, Permit *permit) noexcept nogil:
    """Send the request with the permit; False when the operation has failed."""
    cdef Op *op = lane.op
    cdef Loop *loop = lane.loop
    cdef Transfer *transfer = loop_idle_transfer(loop, op.plan.routes[route].secure)
    if transfer == NULL:
        permit_return(permit, SIGNAL_UNSENT, 0, permit.started)
        if no_descriptor_is_left() and shortage_begins(loop):
            lane_put_back(lane, index)
            return True
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        return False
    transfer.permit = permit[0]
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
    """No header has come for long: send a copy elsewhere, within the hedge budget.  It takes no slot, and never waits."""
    cdef Lane *lane = transfer.lane
    cdef Op *op = lane.op
    cdef Request *request = &op.requests[transfer.index]
    cdef Transfer *copy
    cdef Permit permit
    cdef double unused = 0
    cdef int route
    if transfer.status != 0 or transfer.twin != NULL or lane.loop.shortage.most != NO_SHORTAGE:
        return
    route = op_take_permit(op, transfer.index, NULL, seconds_now(), False, &permit, &unused)
    if route < 0:
        return
    copy = loop_idle_transfer(lane.loop, op.plan.routes[route].secure) if op_withdraw(op, &op.hedge_budget) else NULL
    if copy == NULL:
        permit_return(&permit, SIGNAL_UNSENT, 0, permit.started)
        lane_pass_on(lane)
        return
    copy.permit = permit
    request.hedges += 1
    # The copy decodes apart from the matrix: two attempts must never write to the same rows.
    if transfer_begin(copy, lane, transfer.index, route, request.hedges) != 0:
        transfer_end(copy)
        lane_pass_on(lane)
        return
    copy.twin = transfer
    transfer.twin = copy


cdef void lane_attempt_ended(Transfer *transfer, int code) noexcept nogil:
    """libcurl has ended this transfer: complete its request, or make another attempt later."""
    cdef Lane *lane = transfer.lane
    cdef Py_ssize_t index = transfer.index
    cdef Outcome outcome = outcome_of(transfer, code)
    cdef double now = seconds_now()
    cdef double retry_after = transfer_retry_after(transfer) if outcome == OUTCOME_HTTP_STATUS else 0
    cdef bint short = outcome == OUTCOME_NETWORK and failed_for_descriptors(lane.loop, code, transfer.permit.started)
    cdef Signal signal = SIGNAL_UNSENT if short else signal_of(transfer, outcome, code, retry_after)
    cdef Advice advice = permit_return(&transfer.permit, signal, retry_after, now)
    cdef Transfer *twin = transfer.twin
    cdef Next next
    if twin != NULL and outcome == OUTCOME_OK:
        transfer_end(twin)          # the first success wins, the other is aborted on the wire
    elif twin != NULL:
        # The other copy may still succeed: it goes on alone, in the slot of both.
        twin.slot, transfer.slot = transfer.slot or twin.slot, False
        transfer_end(transfer)
        lane_serve(lane)
        return
    if outcome == OUTCOME_OK:
        lane_complete(lane, transfer, outcome, code, VERDICT_NONE, 0)
    elif short:
        lane_attempt_unsent(lane, transfer, code, now)
    else:
        next = next_of(transfer, outcome, signal, advice, retry_after, now)
        if next.final:
            lane_complete(lane, transfer, outcome, code, next.verdict, retry_after)
        else:
            transfer_end(transfer)
            lane_send_again(lane, index, next)
    lane_serve(lane)


cdef void lane_complete(Lane *lane, Transfer *transfer, Outcome outcome, int code, Verdict verdict,
                        double retry_after) noexcept nogil:
    """Hand over how the transfer's request ended."""
    cdef Op *op = lane.op
    cdef Py_ssize_t index = transfer.index
    cdef Ending *ending = ending_of(transfer, outcome, code, monotonic_ns())
    if ending != NULL and outcome != OUTCOME_OK:
        ending.verdict = verdict
        ending.refusals = <int>op.requests[index].refusals
        ending.refused_for = <long long>((seconds_now() - op_patience_ends(op)) * 1e9) + op.plan.patience
        ending.retry_after = <long long>(retry_after * 1e9)
        ending.budget = op.most_retry_budget
    transfer_end(transfer)
    if ending == NULL:
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for an answer")
    else:
        op_post(op, ending)


cdef void lane_attempt_unsent(Lane *lane, Transfer *transfer, int code, double now) noexcept nogil:
    """No descriptor was left for a connection.  The attempt never was one, so it does not count."""
    cdef Py_ssize_t index = transfer.index
    if now >= op_patience_ends(lane.op):
        snprintf(transfer.error, sizeof(transfer.error), b"no descriptor is left for a connection (see ulimit -n)")
        lane_complete(lane, transfer, OUTCOME_NETWORK, code, VERDICT_PATIENCE, 0)
        return
    lane.op.requests[index].attempts -= 1
    transfer_end(transfer)
    lane_put_back(lane, index)
    if not shortage_begins(lane.loop):
        lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for a timer")


cdef void lane_send_again(Lane *lane, Py_ssize_t index, Next next) noexcept nogil:
    if next.wait > 0:
        lane_back_off(lane, index, <long long>(next.wait * 1e9))
    elif next.first:
        lane_put_back(lane, index)
    else:
        lane_put_last(lane, index)


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
    lane_put_last(lane, backoff.index)
    free(backoff)
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
    if index < 0:
        index = lane.ready
    if index < 0 and lane.waiting != NULL:
        index = lane.waiting.index
    if index < 0:
        op.monitor.lock()
        index = min(op.started, op.count - 1)
        op.monitor.unlock()
    lane_fail(lane, index, OUTCOME_DEADLINE, b"the operation's total time-out has passed")
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
    lane.ready = -1
    lane_stand(lane, False, False, INFINITY_S)
