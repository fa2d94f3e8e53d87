# What a lane starts, and what it waits for where it may not: a descriptor, or a permit of a pace.

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
                if not lane_start_attempt(lane, index, route, &permit):
                    break
                if last_chance:
                    short = lane.in_flight == 0     # it could not be sent
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
        if count_now(&lane.op.plan.routes[i].pace.waiters) == 0:
            continue                # in fair weather neither a clock nor a lock is asked
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
        if not descriptors_are_scarce(permit.started):
            lane_fail(lane, index, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        elif permit.started >= op_patience_ends(op):
            lane_fail(lane, index, OUTCOME_NETWORK, NO_DESCRIPTOR)
        else:
            lane_unsent(lane, index, permit.started)
            return True
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
    shortage_took(loop, lane)
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
