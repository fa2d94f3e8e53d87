# What a lane starts, and what it waits for where it may not: a descriptor, or a permit of a pace.

cdef void lane_start_requests(Lane *lane) noexcept nogil:
    """Start what slots, descriptors and paces admit; where they do not, wait for them."""
    cdef Op *op = lane.op
    cdef Permit permit
    cdef Request *request
    cdef int route
    cdef double now
    cdef double patience_ends = INFINITY_S
    cdef double look_again = INFINITY_S
    cdef bint waits = False             # at paces
    cdef bint short = False
    cdef bint last_chance = False
    while lane.in_flight < lane.slots:
        if not shortage_admits(lane.loop, lane) and not last_chance and (lane.ready != NULL or op_has_request(op)):
            short = True
        else:
            request = lane_next_request(lane)
            if request == NULL:
                break
            now = seconds_now()
            route = op_take_permit(op, request, lane.waiters, now, last_chance, &permit, &look_again)
            if route >= 0:
                if not lane_start_attempt(lane, request, route, &permit):
                    break
                if last_chance:
                    short = lane.in_flight == 0     # it could not be sent
                    break
                continue
            lane_put_back(lane, request)
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
            lane_fail(lane, NULL, OUTCOME_NO_MEMORY, b"out of memory for a timer")


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


cdef Request *lane_next_request(Lane *lane) noexcept nogil:
    """The request to send next: one that is ready again, before a fresh one; NULL for none."""
    cdef Request *request = lane.ready
    if request != NULL:
        lane.ready = request.next
    else:
        request = op_next_request(lane.op)
        if request != NULL and request.started == 0:
            request.started = monotonic_ns()
    return request


cdef void lane_put_back(Lane *lane, Request *request) noexcept nogil:
    """The request goes before all others that are ready."""
    request.next = lane.ready
    if lane.ready == NULL:
        lane.ready_last = request
    lane.ready = request


cdef void lane_put_last(Lane *lane, Request *request) noexcept nogil:
    request.next = NULL
    if lane.ready == NULL:
        lane.ready = request
    else:
        lane.ready_last.next = request
    lane.ready_last = request


cdef void lane_hand_back(Lane *lane) noexcept nogil:
    """This loop has no connection at all: what is ready here may go by way of another."""
    cdef Request *request
    if lane.op.lane_count == 1 or lane.ready == NULL:
        return
    while lane.ready != NULL:
        request = lane.ready
        lane.ready = request.next
        op_return_request(lane.op, request)
    op_wake_lanes(lane.op)


cdef bint lane_start_attempt(Lane *lane, Request *request, int route, Permit *permit) noexcept nogil:
    """Send the request with the permit; False when the operation has failed."""
    cdef Op *op = lane.op
    cdef Loop *loop = lane.loop
    cdef Transfer *transfer = loop_idle_transfer(loop, op.plan.routes[route].secure)
    if transfer == NULL:
        permit_return(permit, SIGNAL_UNSENT, 0, permit.started)
        if not descriptors_are_scarce(permit.started):
            lane_fail(lane, request, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        elif permit.started >= op_patience_ends(op):
            return lane_give_up(lane, request)
        else:
            lane_unsent(lane, request, permit.started)
            return True
        return False
    transfer.permit = permit[0]
    cdef int code = transfer_begin(transfer, lane, request, route, 0)
    if code == 0 and op.plan.hedge_delay > 0 and request.attempts <= HEDGED_ATTEMPTS:
        if not timers_add(&loop.timers, &transfer.hedge_timer, monotonic_ns() + op.plan.hedge_delay):
            code = E_OUT_OF_MEMORY
    if code != 0:
        transfer.serial = 0
        transfer.route = route
        transfer_end(transfer)
        lane_fail(lane, request, OUTCOME_NO_MEMORY, b"libcurl would not take the transfer")
        return False
    shortage_took(loop, lane)
    return True


cdef bint lane_give_up(Lane *lane, Request *request) noexcept nogil:
    """End a request that has found no descriptor for as long as patience allows; False when that ends the operation."""
    cdef Op *op = lane.op
    cdef Ending *ending = ending_without_answer(op, request, OUTCOME_NETWORK, NO_DESCRIPTOR, monotonic_ns())
    if ending == NULL or not op.collects:
        lane_post_final(lane, ending)
        return False
    ending.request = request
    op_post(op, ending, False)
    return True


cdef enum:
    # Only the first attempt and the first retry of a request are hedged.
    HEDGED_ATTEMPTS = 2


cdef void lane_hedge(Transfer *transfer) noexcept nogil:
    """No header has come for long: send a copy elsewhere, within the hedge budget.  It takes no slot, and never waits."""
    cdef Lane *lane = transfer.lane
    cdef Op *op = lane.op
    cdef Request *request = transfer.request
    cdef Transfer *copy
    cdef Permit permit
    cdef double unused = 0
    cdef int route
    if transfer.status != 0 or transfer.twin != NULL or lane.loop.shortage.most != NO_SHORTAGE:
        return
    route = op_take_permit(op, request, NULL, seconds_now(), False, &permit, &unused)
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
    if transfer_begin(copy, lane, request, route, request.hedges) != 0:
        transfer_end(copy)
        lane_pass_on(lane)
        return
    copy.twin = transfer
    transfer.twin = copy
