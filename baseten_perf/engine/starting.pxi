# What a share starts, and what it waits for where it may not: a descriptor, or a permit of a pace.

cdef void share_start_requests(Share *share) noexcept nogil:
    """Start what slots, descriptors and paces admit; where they do not, wait for them."""
    cdef Op *op = share.op
    cdef Permit permit
    cdef Py_ssize_t index
    cdef int route
    cdef double now
    cdef double patience_ends = INFINITY_S
    cdef double look_again = INFINITY_S
    cdef bint waits = False             # at paces
    cdef bint short = False
    cdef bint last_chance = False
    while share.in_flight < share.slots:
        if not shortage_admits(share.loop, share) and not last_chance and (share.ready >= 0 or op_has_request(op)):
            short = True
        else:
            index = share_next_request(share)
            if index < 0:
                break
            now = seconds_now()
            route = op_take_permit(op, index, share.waiters, now, last_chance, &permit, &look_again)
            if route >= 0:
                if not share_start_attempt(share, index, route, &permit):
                    break
                if last_chance:
                    short = share.in_flight == 0    # it could not be sent
                    break
                continue
            share_put_back(share, index)
            waits = True
        if last_chance:
            break
        # Nothing can be started.  One attempt is made regardless when patience ends, or will before a gate opens, or the
        # deadline will: its failure is what the caller gets.
        now = seconds_now()
        patience_ends = op_patience_ends(op)
        if now < patience_ends and not (waits and op_stays_closed(op, min(patience_ends, op.deadline * 1e-9))):
            break
        patience_ends = INFINITY_S      # what is in flight brings the share back here
        if share.in_flight > 0:
            break
        last_chance = True
        short = waits = False
    share_stand(share, short, waits, min(look_again, patience_ends))


cdef void share_stand(Share *share, bint short, bint waits, double look_again) noexcept nogil:
    """Stay in the queues that the share waits in, leave the others, and set the alarm."""
    cdef Loop *loop = share.loop
    cdef int i
    if short != share.shortage.waiting:
        if short:
            queue_append(&loop.shortage.queue, &share.shortage)
        else:
            queue_remove(&loop.shortage.queue, &share.shortage)
    if short and count_now(&loop.load) == 0:
        share_hand_back(share)
    if not waits:
        for i in range(share.op.plan.route_count):
            if share.waiters[i].waiting:
                pace_leave(share.op.plan.routes[i].pace, &share.waiters[i])
    timers_remove(&loop.timers, &share.alarm)
    if (short or waits) and look_again < CENTURY_S:
        if not timers_add(&loop.timers, &share.alarm, <long long>(look_again * 1e9) + 1):
            share_fail(share, 0, OUTCOME_NO_MEMORY, b"out of memory for a timer")


cdef void share_pass_on(Share *share) noexcept nogil:
    """Wake who may start now that this share has started what it could, or has ended something."""
    cdef Share *other
    cdef Waiter *waiter
    cdef int i
    for i in range(share.op.plan.route_count):
        if count_now(&share.op.plan.routes[i].pace.waiters) == 0:
            continue                # in fair weather neither a clock nor a lock is asked
        waiter = pace_next(share.op.plan.routes[i].pace, seconds_now())
        if waiter != NULL:
            other = <Share *>waiter.share
            loop_enqueue(other.loop, other)
            op_drop(other.op)
    shortage_passes_on(share.loop)


cdef Py_ssize_t share_next_request(Share *share) noexcept nogil:
    """The request to send next: one that is ready again, before a fresh one; -1 for none."""
    cdef Op *op = share.op
    cdef Py_ssize_t index = share.ready
    if index >= 0:
        share.ready = op.requests[index].next
    else:
        index = op_next_request(op)
        if index >= 0 and op.requests[index].started == 0:
            op.requests[index].started = monotonic_ns()
    return index


cdef void share_put_back(Share *share, Py_ssize_t index) noexcept nogil:
    """The request goes before all others that are ready."""
    share.op.requests[index].next = share.ready
    if share.ready < 0:
        share.ready_last = index
    share.ready = index


cdef void share_put_last(Share *share, Py_ssize_t index) noexcept nogil:
    share.op.requests[index].next = -1
    if share.ready < 0:
        share.ready = index
    else:
        share.op.requests[share.ready_last].next = index
    share.ready_last = index


cdef void share_hand_back(Share *share) noexcept nogil:
    """This loop has no connection at all: what is ready here may go by way of another."""
    cdef Py_ssize_t index
    if share.op.share_count == 1 or share.ready < 0:
        return
    while share.ready >= 0:
        index = share.ready
        share.ready = share.op.requests[index].next
        op_return_request(share.op, index)
    op_wake_shares(share.op)


cdef bint share_start_attempt(Share *share, Py_ssize_t index, int route, Permit *permit) noexcept nogil:
    """Send the request with the permit; False when the operation has failed."""
    cdef Op *op = share.op
    cdef Loop *loop = share.loop
    cdef Transfer *transfer = loop_idle_transfer(loop, op.plan.routes[route].secure)
    if transfer == NULL:
        permit_return(permit, SIGNAL_UNSENT, 0, permit.started)
        if not descriptors_are_scarce(permit.started):
            share_fail(share, index, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        elif permit.started >= op_patience_ends(op):
            share_fail(share, index, OUTCOME_NETWORK, NO_DESCRIPTOR)
        else:
            share_unsent(share, index, permit.started)
            return True
        return False
    transfer.permit = permit[0]
    cdef int code = transfer_begin(transfer, share, index, route, 0)
    if code == 0 and op.plan.hedge_delay > 0 and op.requests[index].attempts <= HEDGED_ATTEMPTS:
        if not timers_add(&loop.timers, &transfer.hedge_timer, monotonic_ns() + op.plan.hedge_delay):
            code = CURLE_OUT_OF_MEMORY
    if code != 0:
        transfer.serial = 0
        transfer.route = route
        transfer_end(transfer)
        share_fail(share, index, OUTCOME_NO_MEMORY, b"libcurl would not take the transfer")
        return False
    shortage_took(loop, share)
    return True


cdef enum:
    # Only the first attempt and the first retry of a request are hedged.
    HEDGED_ATTEMPTS = 2


cdef void share_hedge(Transfer *transfer) noexcept nogil:
    """No header has come for long: send a copy elsewhere, within the hedge budget.  It takes no slot, and never waits."""
    cdef Share *share = transfer.share
    cdef Op *op = share.op
    cdef Request *request = &op.requests[transfer.index]
    cdef Transfer *copy
    cdef Permit permit
    cdef double unused = 0
    cdef int route
    if transfer.status != 0 or transfer.twin != NULL or share.loop.shortage.most != NO_SHORTAGE:
        return
    route = op_take_permit(op, transfer.index, NULL, seconds_now(), False, &permit, &unused)
    if route < 0:
        return
    copy = loop_idle_transfer(share.loop, op.plan.routes[route].secure) if op_withdraw(op, &op.hedge_budget) else NULL
    if copy == NULL:
        permit_return(&permit, SIGNAL_UNSENT, 0, permit.started)
        share_pass_on(share)
        return
    copy.permit = permit
    request.hedges += 1
    # The copy decodes apart from the matrix: two attempts must never write to the same rows.
    if transfer_begin(copy, share, transfer.index, route, request.hedges) != 0:
        transfer_end(copy)
        share_pass_on(share)
        return
    copy.twin = transfer
    transfer.twin = copy
