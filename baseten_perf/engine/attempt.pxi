# What becomes of an attempt that has ended: its request is complete, or is sent again.

cdef void share_attempt_ended(Transfer *transfer, int code) noexcept nogil:
    """libcurl has ended this transfer: complete its request, or make another attempt later."""
    cdef Share *share = transfer.share
    cdef Request *request = transfer.request
    cdef Outcome outcome = outcome_of(transfer, code)
    cdef double now = seconds_now()
    cdef double retry_after = transfer_retry_after(transfer) if outcome == OUTCOME_HTTP_STATUS else 0
    cdef bint short = outcome == OUTCOME_NETWORK and failed_for_descriptors(share.loop, code, transfer.permit.started)
    cdef Signal signal = SIGNAL_UNSENT if short else signal_of(transfer, outcome, code, retry_after)
    cdef Endpoint *endpoint = share.op.plan.routes[transfer.route].endpoint
    if signal == SIGNAL_GONE:
        transfer.permit.responded = count_now(&endpoint.responded)
        transfer.permit.begun = share.op.begun
    elif signal == SIGNAL_SUCCESS and not count_now(&endpoint.responded):
        count_set(&endpoint.responded, 1)
    cdef double good = instant_now(&share.op.plan.routes[transfer.route].pace.good)
    cdef Advice advice = permit_return(&transfer.permit, signal, retry_after, now)
    if outcome == OUTCOME_OK:
        tally_add(&transfer.counts.answered, 1)
        histogram_add(&transfer.counts.latency, now - transfer.permit.started)
    elif outcome == OUTCOME_HTTP_STATUS and status_is_refusal(transfer.status, retry_after):
        tally_add(&transfer.counts.refused, 1)
    if short or signal == SIGNAL_GONE:
        op_give_back(share.op, request, transfer.route)     # nothing was sent
    cdef Transfer *twin = transfer.twin
    cdef Next next
    if twin != NULL and outcome == OUTCOME_OK:
        transfer_end(twin)          # the first success wins, the other is aborted on the wire
    elif twin != NULL:
        # The other copy may still succeed: it goes on alone, in the slot of both.
        twin.slot, transfer.slot = transfer.slot or twin.slot, False
        transfer_end(transfer)
        share_serve(share)
        return
    if outcome == OUTCOME_OK:
        share_complete(share, transfer, outcome, code, VERDICT_NONE, 0)
    elif short:
        share_attempt_unsent(share, transfer, code, now)
    else:
        next = next_of(transfer, outcome, signal, advice, retry_after, good, now)
        if next.final:
            share_complete(share, transfer, outcome, code, next.verdict, retry_after)
        else:
            transfer_end(transfer)
            share_send_again(share, request, next)
    share_serve(share)


cdef void share_complete(Share *share, Transfer *transfer, Outcome outcome, int code, Verdict verdict,
                        double retry_after) noexcept nogil:
    """Hand over how the transfer's request ended."""
    cdef Op *op = share.op
    cdef Request *request = transfer.request
    cdef bint unsettled = op.divides and outcome == OUTCOME_HTTP_STATUS and request.rows > 1 and refuses_content(transfer.status)
    cdef NativeCompletion *completion = completion_of(transfer, outcome, code, monotonic_ns())
    if completion != NULL and outcome != OUTCOME_OK:
        completion.verdict = verdict
        completion.refusals = <int>request.refusals
        completion.refused_for = <long long>((seconds_now() - op_patience_ends(op)) * 1e9) + op.plan.patience
        completion.retry_after = <long long>(retry_after * 1e9)
        completion.budget = count_now(&op.most_retry_budget)
    if outcome != OUTCOME_OK:
        tally_add(&transfer.counts.failed, 1)
    transfer_end(transfer)
    if completion == NULL:
        share_fail(share, request, OUTCOME_NO_MEMORY, b"out of memory for an answer")
        return
    if unsettled:
        completion.unsettled = True
        # There will be more requests than the slots were counted for.
        share.slots = max(share.slots, op.plan.concurrency // op.share_count)
    op_post(op, completion, outcome != OUTCOME_OK and not op.collects and not unsettled)


cdef inline bint refuses_content(int status) noexcept nogil:
    """Whether a request with fewer inputs, or with others, may be accepted."""
    return status == 400 or status == 413 or status == 422


cdef void share_attempt_unsent(Share *share, Transfer *transfer, int code, double now) noexcept nogil:
    """No descriptor was left for a connection.  The attempt never was one, so it does not count."""
    cdef Request *request = transfer.request
    cdef double started = transfer.permit.started
    if now >= op_patience_ends(share.op):
        snprintf(transfer.error, sizeof(transfer.error), b"%s", NO_DESCRIPTOR)
        share_complete(share, transfer, OUTCOME_NETWORK, code, VERDICT_PATIENCE, 0)
        return
    counts_attempt(transfer.counts, request, transfer.hedge, -1)
    request.attempts -= 1
    transfer_end(transfer)
    share_unsent(share, request, started)


cdef void share_unsent(Share *share, Request *request, double started) noexcept nogil:
    """The request waits for a descriptor, before the others."""
    share_put_back(share, request)
    shortage_begins(share.loop, started)


cdef void share_send_again(Share *share, Request *request, Next next) noexcept nogil:
    if next.wait > 0:
        share_back_off(share, request, <long long>(next.wait * 1e9))
    elif next.first:
        share_put_back(share, request)
    else:
        share_put_last(share, request)


cdef void share_back_off(Share *share, Request *request, long long wait) noexcept nogil:
    cdef Backoff *backoff = <Backoff *>calloc(1, sizeof(Backoff))
    if backoff == NULL:
        share_fail(share, request, OUTCOME_NO_MEMORY, b"out of memory for a retry")
        return
    backoff.share = share
    backoff.request = request
    timer_init(&backoff.timer, BACKOFF_OVER, <void *>backoff)
    if not timers_add(&share.loop.timers, &backoff.timer, monotonic_ns() + wait):
        free(backoff)
        share_fail(share, request, OUTCOME_NO_MEMORY, b"out of memory for a retry")
        return
    backoff.next = share.waiting
    if share.waiting != NULL:
        share.waiting.previous = backoff
    share.waiting = backoff


cdef void share_backoff_over(Backoff *backoff) noexcept nogil:
    cdef Share *share = backoff.share
    if backoff.previous != NULL:
        backoff.previous.next = backoff.next
    else:
        share.waiting = backoff.next
    if backoff.next != NULL:
        backoff.next.previous = backoff.previous
    share_put_last(share, backoff.request)
    free(backoff)
    share_serve(share)
