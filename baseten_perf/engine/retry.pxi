# Whether a failed attempt is made again, and when: schedule, limits and budgets of a request's attempts.
#
# Retry k (1, 2, ...) waits min(initial * 4**(k-1), 45 s) plus up to 99 ms of jitter, or as long as the server's
# Retry-After asks.  A waiting retry holds no concurrency slot.

cdef enum:
    LONGEST_BACKOFF_MS = 45000
    MOST_CONNECT_RETRIES = 2
    PATIENCE_MS = 60000             # a Retry-After beyond this and the attempt's timeout is not waited for

cdef long long STARVED_BACKOFF = 10000000      # nanoseconds until a connection is tried again without descriptors

cdef struct Backoff:
    Timer timer
    Lane *lane
    Py_ssize_t index
    Backoff *previous               # among lane.waiting
    Backoff *next                   # among lane.waiting, later in the FIFO lane.ready


cdef bint status_is_retried(Op *op, int status) noexcept nogil:
    if status < 0 or status > 999 or op.plan.final_status[status]:
        return False
    return status == 408 or status == 409 or status == 429 or 500 <= status <= 599


cdef bint failure_is_permanent(int curl_code) noexcept nogil:
    """Failures that the next attempt would only repeat."""
    return (curl_code == E_UNSUPPORTED_PROTOCOL or curl_code == E_URL_MALFORMAT or curl_code == E_TOO_MANY_REDIRECTS
            or curl_code == E_PEER_FAILED_VERIFICATION or curl_code == E_SSL_CACERT_BADFILE)


cdef bint is_connect_failure(int curl_code) noexcept nogil:
    return (curl_code == E_COULDNT_CONNECT or curl_code == E_COULDNT_RESOLVE_HOST
            or curl_code == E_COULDNT_RESOLVE_PROXY or curl_code == E_SSL_CONNECT_ERROR)


cdef bint attempt_again(Op *op, Request *request, Outcome outcome, int status, int curl_code) noexcept nogil:
    if request.attempts > op.plan.max_retries:
        return False
    if outcome == OUTCOME_HTTP_STATUS:
        return status_is_retried(op, status)
    if outcome == OUTCOME_TIMEOUT or outcome == OUTCOME_CONNECT_TIMEOUT:
        return op_withdraw(op, &op.retry_budget)
    if outcome != OUTCOME_NETWORK or failure_is_permanent(curl_code):
        return False
    if is_connect_failure(curl_code):
        request.connect_failures += 1
        return request.connect_failures <= MOST_CONNECT_RETRIES
    request.network_failures += 1
    return request.network_failures == 1 or op_withdraw(op, &op.retry_budget)


cdef long long backoff_ns(Op *op, int retry, long long retry_after_ms, unsigned long long random) noexcept nogil:
    """How long to wait before retry number `retry` (1 = the first); -1 when Retry-After asks for more than we have."""
    cdef long long ms = op.plan.backoff_ms
    cdef int i
    for i in range(retry - 1):
        ms = min(ms * 4, LONGEST_BACKOFF_MS)
    if retry_after_ms > 0:
        if retry_after_ms > max(op.plan.timeout_ms, PATIENCE_MS):
            return -1
        ms = retry_after_ms
    cdef long long wait = (ms + <long long>(random % 100)) * 1000000
    if op.deadline != NEVER and retry_after_ms > 0 and monotonic_ns() + wait >= op.deadline:
        return -1
    return wait
