# What becomes of an attempt that has ended: its request is complete, or is sent again.

cdef void lane_attempt_ended(Transfer *transfer, int code) noexcept nogil:
    """libcurl has ended this transfer: complete its request, or make another attempt later."""
    cdef Lane *lane = transfer.lane
    cdef Request *request = transfer.request
    cdef Outcome outcome = outcome_of(transfer, code)
    cdef double now = seconds_now()
    cdef double retry_after = transfer_retry_after(transfer) if outcome == OUTCOME_HTTP_STATUS else 0
    cdef bint short = outcome == OUTCOME_NETWORK and failed_for_descriptors(lane.loop, code, transfer.permit.started)
    cdef Signal signal = SIGNAL_UNSENT if short else signal_of(transfer, outcome, code, retry_after)
    cdef Endpoint *endpoint = lane.op.plan.routes[transfer.route].endpoint
    if signal == SIGNAL_GONE:
        transfer.permit.answered = count_now(&endpoint.answered)
        transfer.permit.begun = lane.op.begun
    elif signal == SIGNAL_SUCCESS and not count_now(&endpoint.answered):
        count_set(&endpoint.answered, 1)
    cdef double good = instant_now(&lane.op.plan.routes[transfer.route].pace.good)
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
        next = next_of(transfer, outcome, signal, advice, retry_after, good, now)
        if next.final:
            lane_complete(lane, transfer, outcome, code, next.verdict, retry_after)
        else:
            transfer_end(transfer)
            lane_send_again(lane, request, next)
    lane_serve(lane)


cdef void lane_complete(Lane *lane, Transfer *transfer, Outcome outcome, int code, Verdict verdict,
                        double retry_after) noexcept nogil:
    """Hand over how the transfer's request ended."""
    cdef Op *op = lane.op
    cdef Request *request = transfer.request
    cdef Ending *ending = ending_of(transfer, outcome, code, monotonic_ns())
    if ending != NULL and outcome != OUTCOME_OK:
        ending.verdict = verdict
        ending.refusals = <int>request.refusals
        ending.refused_for = <long long>((seconds_now() - op_patience_ends(op)) * 1e9) + op.plan.patience
        ending.retry_after = <long long>(retry_after * 1e9)
        ending.budget = count_now(&op.most_retry_budget)
    transfer_end(transfer)
    if ending == NULL:
        lane_fail(lane, request, OUTCOME_NO_MEMORY, b"out of memory for an answer")
    else:
        op_post(op, ending, outcome != OUTCOME_OK and not op.collects)


cdef void lane_attempt_unsent(Lane *lane, Transfer *transfer, int code, double now) noexcept nogil:
    """No descriptor was left for a connection.  The attempt never was one, so it does not count."""
    cdef Request *request = transfer.request
    cdef double started = transfer.permit.started
    if now >= op_patience_ends(lane.op):
        snprintf(transfer.error, sizeof(transfer.error), b"%s", NO_DESCRIPTOR)
        lane_complete(lane, transfer, OUTCOME_NETWORK, code, VERDICT_PATIENCE, 0)
        return
    request.attempts -= 1
    transfer_end(transfer)
    lane_unsent(lane, request, started)


cdef void lane_unsent(Lane *lane, Request *request, double started) noexcept nogil:
    """The request waits for a descriptor, before the others."""
    lane_put_back(lane, request)
    shortage_begins(lane.loop, started)


cdef void lane_send_again(Lane *lane, Request *request, Next next) noexcept nogil:
    if next.wait > 0:
        lane_back_off(lane, request, <long long>(next.wait * 1e9))
    elif next.first:
        lane_put_back(lane, request)
    else:
        lane_put_last(lane, request)


cdef void lane_back_off(Lane *lane, Request *request, long long wait) noexcept nogil:
    cdef Backoff *backoff = <Backoff *>calloc(1, sizeof(Backoff))
    if backoff == NULL:
        lane_fail(lane, request, OUTCOME_NO_MEMORY, b"out of memory for a retry")
        return
    backoff.lane = lane
    backoff.request = request
    timer_init(&backoff.timer, BACKOFF_OVER, <void *>backoff)
    if not timers_add(&lane.loop.timers, &backoff.timer, monotonic_ns() + wait):
        free(backoff)
        lane_fail(lane, request, OUTCOME_NO_MEMORY, b"out of memory for a retry")
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
    lane_put_last(lane, backoff.request)
    free(backoff)
    lane_serve(lane)
