# Whether a failed attempt is made again, and when: what an attempt tells its pace, and what becomes of its request.
#
# A refused request uses up no retry: it waits at the gate of its pace, as long as patience lasts.  The others are a request's
# own bad luck: retry k (1, 2, ...) waits min(initial * 4**(k-1), 45 s) plus up to 99 ms of jitter, and at least as long as
# Retry-After asks.  Who waits holds no concurrency slot.

cdef enum:
    LONGEST_BACKOFF_MS = 45000

cdef struct Backoff:
    Timer timer
    Share *share
    Request *request
    Backoff *previous               # among share.waiting
    Backoff *next

# What becomes of the request of a failed attempt.
cdef struct Next:
    bint final
    Verdict verdict                 # why, when it is final
    bint first                      # it goes before the others that are ready
    double wait                     # seconds until it is ready


cdef double transfer_retry_after(Transfer *transfer) noexcept nogil:
    """Seconds that the response asks to be waited for; 0 for none."""
    cdef curl_off_t seconds = 0
    if transfer.retry_headers.after_date and curl.easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &seconds) == 0:
        return max(0.0, <double>seconds)
    return transfer.retry_headers.after


cdef bint status_is_retried(Op *op, int status, ShouldRetry should) noexcept nogil:
    if status < 0 or status > 999 or op.plan.final_status[status] or should == RETRY_NO:
        return False
    if should == RETRY_YES and status != 401 and status != 403:
        return True
    return status == 408 or status == 409 or status == 429 or 500 <= status <= 599


cdef inline bint status_is_refusal(int status, double retry_after) noexcept nogil:
    """Whether a response asks to come back later."""
    return status == 429 or (status == 503 or status == 529) and retry_after > 0


cdef bint failure_is_permanent(Transfer *transfer, int curl_code) noexcept nogil:
    """Failures that the next attempt would only repeat.

    An unsupported protocol is a redirect's, or that of a server whose answer is no HTTP, which may be so once.
    """
    if curl_code == CURLE_UNSUPPORTED_PROTOCOL:
        return transfer.redirected
    return (curl_code == CURLE_URL_MALFORMAT or curl_code == CURLE_TOO_MANY_REDIRECTS
            or curl_code == CURLE_PEER_FAILED_VERIFICATION or curl_code == CURLE_SSL_CACERT_BADFILE)


cdef bint is_connect_failure(int curl_code) noexcept nogil:
    return (curl_code == CURLE_COULDNT_CONNECT or curl_code == CURLE_COULDNT_RESOLVE_HOST
            or curl_code == CURLE_COULDNT_RESOLVE_PROXY or curl_code == CURLE_SSL_CONNECT_ERROR)


cdef Signal signal_of(Transfer *transfer, Outcome outcome, int curl_code, double retry_after) noexcept nogil:
    """What an attempt tells its pace."""
    cdef Op *op = transfer.share.op
    cdef int status = transfer.status
    if outcome == OUTCOME_OK or outcome == OUTCOME_UNDECODABLE:
        return SIGNAL_SUCCESS
    if outcome == OUTCOME_HTTP_STATUS:
        if not status_is_retried(op, status, transfer.retry_headers.should):
            # A server that answers is one that takes requests, unless it only tells to go away.
            return SIGNAL_NONE if status == 429 or status >= 500 else SIGNAL_SUCCESS
        if status == 429 and retry_after <= 0 and says_insufficient_quota(transfer.body.data, transfer.body.size):
            return SIGNAL_NONE
        return SIGNAL_REFUSED if status_is_refusal(status, retry_after) else SIGNAL_SOFT
    if outcome == OUTCOME_TIMEOUT or outcome == OUTCOME_CONNECT_TIMEOUT:
        return SIGNAL_LOST
    if outcome != OUTCOME_NETWORK or failure_is_permanent(transfer, curl_code):
        return SIGNAL_NONE
    return SIGNAL_GONE if is_connect_failure(curl_code) else SIGNAL_LOST


cdef Next final_because(Verdict verdict) noexcept nogil:
    cdef Next next
    next.final = True
    next.verdict = verdict
    next.first = False
    next.wait = 0
    return next


cdef Next next_of(Transfer *transfer, Outcome outcome, Signal signal, Advice advice, double retry_after,
                  double good, double now) noexcept nogil:
    """What becomes of the request of a failed attempt, which counts it; `good` was the pace's last success."""
    cdef Op *op = transfer.share.op
    if outcome == OUTCOME_HTTP_STATUS and (signal == SIGNAL_NONE or signal == SIGNAL_SUCCESS):
        if transfer.retry_headers.should == RETRY_NO and not op.plan.final_status[transfer.status]:
            return final_because(VERDICT_NOT_TO_RETRY)
        if status_is_retried(op, transfer.status, transfer.retry_headers.should):
            return final_because(VERDICT_QUOTA)
        return final_because(VERDICT_FINAL_STATUS)
    if outcome == OUTCOME_NETWORK and signal == SIGNAL_NONE:
        return final_because(VERDICT_PERMANENT)
    if signal == SIGNAL_NONE or signal == SIGNAL_SUCCESS:
        return final_because(VERDICT_NONE)
    if op.plan.max_retries == 0:
        return final_because(VERDICT_RETRIES)
    if advice == ADVICE_GIVE_UP:
        return final_because(VERDICT_NEVER_RESPONDED)
    if advice == ADVICE_BACK_OFF:
        return next_after_back_off(transfer, outcome, signal, retry_after, now)
    return next_at_gate(transfer, signal, advice, retry_after, good, now)


cdef Next next_at_gate(Transfer *transfer, Signal signal, Advice advice, double retry_after, double good,
                       double now) noexcept nogil:
    cdef Op *op = transfer.share.op
    cdef Request *request = transfer.request
    cdef double patience = op.plan.patience * 1e-9
    cdef Next next
    request.refusals += 1
    # The server may have done it, or may not be there; or nobody has ever got through, or others have since the last time, so
    # that it is this request's own: not more often than the caller allows.
    if signal == SIGNAL_LOST or advice == ADVICE_KNOCK or signal == SIGNAL_SOFT and (
        good == 0 or good > request.failed > 0
    ):
        request.retries += 1
        if request.retries > op.plan.max_retries:
            return final_because(VERDICT_RETRIES)
    request.failed = now
    if retry_after > patience > 0:
        return final_because(VERDICT_RETRY_AFTER)
    if patience <= 0 or now >= op_patience_ends(op):
        return final_because(VERDICT_PATIENCE)
    if transfer.permit.last_chance:
        # Patience or the deadline, whichever is first, ends before a gate opens.
        return final_because(VERDICT_RETRY_AFTER if op.deadline * 1e-9 < op_patience_ends(op) else VERDICT_PATIENCE)
    if op.deadline != NEVER and transfer.share.in_flight <= 1 and op_stays_closed(op, op.deadline * 1e-9):
        return final_because(VERDICT_RETRY_AFTER)
    next.final = False
    next.verdict = VERDICT_NONE
    next.first = signal == SIGNAL_REFUSED or signal == SIGNAL_GONE
    next.wait = 0
    if advice == ADVICE_ALONE:
        next.wait = retry_after if retry_after > 0 else FIRST_CLOSURE_S * (1 << min(request.refusals, 5))
    if signal == SIGNAL_SOFT:
        next.wait = op.plan.backoff_ms * 1e-3       # it may be the reason itself: others go first meanwhile
    return next


cdef Next next_after_back_off(Transfer *transfer, Outcome outcome, Signal signal, double retry_after,
                              double now) noexcept nogil:
    cdef Op *op = transfer.share.op
    cdef Request *request = transfer.request
    cdef long long ms = op.plan.backoff_ms
    cdef int i
    cdef Next next
    if request.retries >= op.plan.max_retries:
        return final_because(VERDICT_RETRIES)
    if signal == SIGNAL_LOST:
        # The first loss of a connection is free; a time-out never is.
        request.network_failures += outcome == OUTCOME_NETWORK
        if not (outcome == OUTCOME_NETWORK and request.network_failures == 1) and (
            not op_withdraw(op, &op.retry_budget)
        ):
            return final_because(VERDICT_BUDGET)
    request.retries += 1
    for i in range(request.retries - 1):
        ms = min(ms * 4, LONGEST_BACKOFF_MS)
    next.final = False
    next.verdict = VERDICT_NONE
    next.first = False
    next.wait = max(ms * 1e-3, retry_after) + (loop_random(transfer.share.loop) % 100) * 1e-3
    if retry_after > 0 and (retry_after > op.plan.patience * 1e-9 or now + next.wait >= op.deadline * 1e-9):
        return final_because(VERDICT_RETRY_AFTER)
    return next
