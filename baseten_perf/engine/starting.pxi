# What a share starts, and what it waits for where it may not: a descriptor, a limit, or a permit of a pace.

cdef void share_start_requests(Share *share) noexcept nogil:
    """Start what slots, descriptors, limits and paces admit; where they do not, wait for them."""
    cdef Op *op = share.op
    cdef Permit permit
    cdef Request *request
    cdef int route
    cdef double now
    cdef double patience_ends = INFINITY_S
    cdef double look_again = INFINITY_S
    cdef bint waits = False             # at paces or limits
    cdef bint short = False
    cdef bint last_chance = False
    while share.in_flight < share.slots:
        if not shortage_admits(share.loop, share) and not last_chance and (share.ready != NULL or op_has_request(op)):
            short = True
        else:
            request = share_next_request(share)
            if request == NULL:
                break
            now = seconds_now()
            route = op_take_permit(op, request, share, now, last_chance, &permit, &look_again)
            if route >= 0:
                if not share_start_attempt(share, request, route, &permit):
                    break
                if last_chance:
                    short = share.in_flight == 0    # it could not be sent
                    break
                continue
            share_put_back(share, request)
            waits = True
        if last_chance or op.plan.limited and waits and share_is_held(share):
            break                       # to wait at a limit that the user has told takes no patience
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
    if short != share.shortage.waiting:
        if short:
            queue_append(&loop.shortage.queue, &share.shortage)
        else:
            queue_remove(&loop.shortage.queue, &share.shortage)
    if short and count_now(&loop.load) == 0:
        share_hand_back(share)
    share_leave_queues(share, waits)
    timers_remove(&loop.timers, &share.alarm)
    if (short or waits) and look_again < CENTURY_S:
        if not timers_add(&loop.timers, &share.alarm, <long long>(look_again * 1e9) + 1):
            share_fail(share, NULL, OUTCOME_NO_MEMORY, b"out of memory for a timer")


cdef void share_leave_queues(Share *share, bint waits) noexcept nogil:
    """Leave all queues at limits and paces but those in which the share waits, if it does: those that it asked last."""
    cdef int i
    if not waits:
        turns_leave(&share.held)
    if not waits or share.held.waiting:
        for i in range(share.op.plan.route_count):
            turns_leave(&share.waiters[i])


cdef bint share_waits_at_routes(Share *share) noexcept nogil:
    """Whether it waits at paces or endpoints' limits, which it does once its client's limit has admitted it."""
    cdef int i
    for i in range(share.op.plan.route_count):
        if share.waiters[i].waiting:
            return True
    return False


cdef bint share_is_held(Share *share) noexcept nogil:
    """Whether it waits at some limit that the user has told."""
    cdef int i
    if share.held.waiting:
        return True
    for i in range(share.op.plan.route_count):
        if share.waiters[i].waiting and share.waiters[i].turns.pace == NULL:
            return True
    return False


cdef void share_pass_on(Share *share) noexcept nogil:
    """Wake who may start now that this share has started what it could, or has ended something."""
    cdef Route *route
    cdef int i
    for i in range(share.op.plan.route_count):
        route = &share.op.plan.routes[i]
        # In fair weather neither a clock nor a lock is asked.
        if count_now(&route.pace.turns.waiters) > 0:
            waiter_wake(pace_next(route.pace, seconds_now()))
        if route.limit != NULL and count_now(&route.limit.turns.waiters) > 0:
            waiter_wake(limit_next(route.limit, seconds_now()))
    if share.op.plan.limit != NULL and count_now(&share.op.plan.limit.turns.waiters) > 0:
        waiter_wake(limit_next(share.op.plan.limit, seconds_now()))
    shortage_passes_on(share.loop)


cdef void waiter_init(Waiter *waiter, Share *share) noexcept nogil:
    waiter.share = <void *>share
    waiter.refs = &share.op.refs
    waiter.adaptive = share.op.plan.adaptive


cdef void waiter_wake(Waiter *waiter) noexcept nogil:
    """Tell the share of a waiter that was held to be woken, and let go of it; NULL for none."""
    cdef Share *share
    if waiter != NULL:
        share = <Share *>waiter.share
        loop_enqueue(share.loop, share)
        op_drop(share.op)


cdef Request *share_next_request(Share *share) noexcept nogil:
    """The request to send next: one that is ready again, before a fresh one; NULL for none."""
    cdef Request *request = share.ready
    if request != NULL:
        share.ready = request.next
    else:
        request = op_next_request(share.op)
        if request != NULL and request.started == 0:
            request.started = monotonic_ns()
    return request


cdef void share_put_back(Share *share, Request *request) noexcept nogil:
    """The request goes before all others that are ready."""
    request.next = share.ready
    if share.ready == NULL:
        share.ready_last = request
    share.ready = request


cdef void share_put_last(Share *share, Request *request) noexcept nogil:
    request.next = NULL
    if share.ready == NULL:
        share.ready = request
    else:
        share.ready_last.next = request
    share.ready_last = request


cdef void share_hand_back(Share *share) noexcept nogil:
    """This loop has no connection at all: what is ready here may go by way of another."""
    cdef Request *request
    if share.op.share_count == 1 or share.ready == NULL:
        return
    while share.ready != NULL:
        request = share.ready
        share.ready = request.next
        op_return_request(share.op, request)
    op_wake_shares(share.op)


cdef bint share_start_attempt(Share *share, Request *request, int route, Permit *permit) noexcept nogil:
    """Send the request with the permit; False when the operation has failed."""
    cdef Op *op = share.op
    cdef Loop *loop = share.loop
    cdef Transfer *transfer = loop_idle_transfer(loop, op.plan.routes[route].secure)
    if transfer == NULL:
        permit_return(permit, SIGNAL_UNSENT, 0, permit.started)
        op_give_back(op, request, route)
        if not descriptors_are_scarce(permit.started):
            share_fail(share, request, OUTCOME_NO_MEMORY, b"out of memory for one more transfer")
        elif permit.started >= op_patience_ends(op):
            return share_give_up(share, request)
        else:
            share_unsent(share, request, permit.started)
            return True
        return False
    transfer.permit = permit[0]
    cdef int code = transfer_begin(transfer, share, request, route, 0)
    if code == 0 and op.plan.hedge_delay > 0 and request.attempts <= HEDGED_ATTEMPTS:
        if not timers_add(&loop.timers, &transfer.hedge_timer, monotonic_ns() + op.plan.hedge_delay):
            code = CURLE_OUT_OF_MEMORY
    if code != 0:
        transfer.serial = 0
        transfer.route = route
        transfer_end(transfer)
        share_fail(share, request, OUTCOME_NO_MEMORY, b"libcurl would not take the transfer")
        return False
    shortage_took(loop, share)
    return True


cdef bint share_give_up(Share *share, Request *request) noexcept nogil:
    """End a request that has found no descriptor for as long as patience allows; False when that ends the operation."""
    cdef Op *op = share.op
    cdef NativeCompletion *completion = completion_without_attempt(op, request, OUTCOME_NETWORK, NO_DESCRIPTOR, monotonic_ns())
    if completion == NULL or not op.collects:
        share_post_final(share, completion)
        return False
    completion.request = request
    op_post(op, completion, False)
    return True


cdef enum:
    # Only the first attempt and the first retry of a request are hedged.
    HEDGED_ATTEMPTS = 2


cdef void share_hedge(Transfer *transfer) noexcept nogil:
    """No header has come for long: send a copy elsewhere, within the hedge budget.  It takes no slot, and never waits."""
    cdef Share *share = transfer.share
    cdef Op *op = share.op
    cdef Request *request = transfer.request
    cdef Transfer *copy
    cdef Permit permit
    cdef double unused = 0
    cdef int route
    if transfer.status != 0 or transfer.twin != NULL or share.loop.shortage.most != NO_SHORTAGE:
        return
    route = op_take_permit(op, request, NULL, seconds_now(), False, &permit, &unused)
    if route < 0:
        share_pass_on(share)
        return
    copy = loop_idle_transfer(share.loop, op.plan.routes[route].secure) if op_withdraw(op, &op.hedge_budget) else NULL
    if copy == NULL:
        permit_return(&permit, SIGNAL_UNSENT, 0, permit.started)
        op_give_back(op, request, route)
        share_pass_on(share)
        return
    copy.permit = permit
    request.hedges += 1
    # The copy decodes detached from the matrix: two attempts must never write to the same rows.
    if transfer_begin(copy, share, request, route, request.hedges) != 0:
        transfer_end(copy)
        share_pass_on(share)
        return
    copy.twin = transfer
    transfer.twin = copy
