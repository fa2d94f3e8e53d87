# How an attempt ended: libcurl's result read into an outcome, and the answer moved into the NativeCompletion that Python gets.

cdef Outcome outcome_of(Transfer *transfer, int code) noexcept nogil:
    cdef long sent = 0
    if transfer.fault == FAULT_NO_MEMORY or code == CURLE_OUT_OF_MEMORY:
        return OUTCOME_NO_MEMORY
    if transfer.fault == FAULT_TOO_LARGE or transfer.fault == FAULT_UNDECODABLE:
        return OUTCOME_UNDECODABLE
    if transfer.fault == FAULT_HEAD_TOO_LARGE:
        snprintf(transfer.error, sizeof(transfer.error), b"the response's header lines are larger than %d bytes",
                 MOST_HEAD_BYTES)
    if transfer.fault == FAULT_CUT:
        # It was we who ended the transfer: enough of the body is there.
        transfer.error[0] = 0
        code = CURLE_OK
    if code == CURLE_OPERATION_TIMEDOUT:
        # Request bytes are sent once a connection, new or used again, is ready for them.
        if not transfer.wait.on:    # it has not been libcurl's yet
            curl.easy_getinfo(transfer.easy, CURLINFO_REQUEST_SIZE, &sent)
        return OUTCOME_TIMEOUT if sent > 0 else OUTCOME_CONNECT_TIMEOUT
    if code != CURLE_OK:
        return OUTCOME_NETWORK
    if not transfer.headed:
        # libcurl is content with an answer that ends in its headers.
        snprintf(transfer.error, sizeof(transfer.error), b"the answer ends inside its headers")
        return OUTCOME_NETWORK
    if not 200 <= transfer.status < 300:
        if transfer.coded and not content_of_error(transfer):
            return OUTCOME_NO_MEMORY
        return OUTCOME_HTTP_STATUS
    if transfer.coded and not content_whole(transfer):
        return OUTCOME_UNDECODABLE if transfer.fault == FAULT_UNDECODABLE else OUTCOME_NO_MEMORY
    if transfer.decoding:
        transfer.reader.finish()
        if transfer.reader.out_of_memory:
            return OUTCOME_NO_MEMORY
        if transfer.reader.failure[0] != 0:
            return OUTCOME_UNDECODABLE
        # Only now: the rows may be those that the twin of this attempt goes on to write.
        if not transfer.reader.vectors.commit():
            return OUTCOME_NO_MEMORY
    return OUTCOME_OK


cdef void say_why_undecodable(Transfer *transfer) noexcept nogil:
    """In `error`, once libcurl has had its say there."""
    if transfer.fault == FAULT_TOO_LARGE:
        snprintf(transfer.error, sizeof(transfer.error), b"the body is larger than max_response_bytes=%zu",
                 transfer.share.op.plan.most_response_bytes)
    elif transfer.fault == FAULT_UNDECODABLE:
        snprintf(transfer.error, sizeof(transfer.error), b"%s", transfer.content.failure)
    else:
        snprintf(transfer.error, sizeof(transfer.error), b"%s", transfer.reader.failure)


cdef enum:
    # Of a body that cannot be used, for the error's message.
    SHOWN_BYTES = 800
    # Up to this size an answer is cheaper to copy than to hand over.
    COPIED_BODY = 16384


cdef NativeCompletion *completion_new(const Bytes *headers, Bytes *body, bint timed) noexcept nogil:
    """A completion with these headers and this body, and perhaps with room for timings; NULL when memory has run out."""
    cdef size_t copied = body.size if body.size <= COPIED_BODY else 0
    cdef size_t size = sizeof(NativeCompletion) + (sizeof(Timings) if timed else 0)
    cdef NativeCompletion *completion = <NativeCompletion *>malloc(size + headers.size + copied)
    if completion == NULL:
        return NULL
    memset(completion, 0, sizeof(NativeCompletion))
    if timed:
        completion.timings = <Timings *>(completion + 1)
    completion.headers = <char *>completion + size
    completion.headers_size = headers.size
    completion.body_size = body.size
    if headers.size > 0:
        memcpy(completion.headers, headers.data, headers.size)
    if body.size > COPIED_BODY:
        completion.body = completion.large_body = body.take()
        return completion
    completion.body = completion.headers + headers.size
    if copied > 0:
        memcpy(completion.body, body.data, copied)
    return completion


cdef NativeCompletion *completion_of(Transfer *transfer, Outcome outcome, int code, long long now) noexcept nogil:
    """What the finished attempt means for its request; NULL when memory has run out."""
    cdef Op *op = transfer.share.op
    cdef Request *request = transfer.request
    cdef Bytes *body = transfer.body
    cdef const char *words = NULL
    cdef char *url = NULL
    cdef long os_errno = 0
    if transfer.decoding and 200 <= transfer.status < 300:
        body = &transfer.reader.skeleton
    if outcome == OUTCOME_UNDECODABLE:
        say_why_undecodable(transfer)
        words = transfer.error
        if transfer.decoding:
            body.size = 0
            body.append(transfer.reader.head, transfer.reader.head_used)
        body.size = min(body.size, <size_t>SHOWN_BYTES)
    elif outcome != OUTCOME_OK and transfer.error[0] != 0:
        words = transfer.error
    elif code != CURLE_OK:
        words = curl.easy_strerror(code)
    if transfer.redirected and code == CURLE_UNSUPPORTED_PROTOCOL:
        words = REDIRECT_REFUSED
    cdef NativeCompletion *completion = completion_new(transfer.headers, body, op.plan.timings)
    body.restart()
    if completion == NULL:
        return NULL
    if completion.timings != NULL:
        timings_of(completion.timings, transfer, now)
    completion.index = request.index
    completion.request = request
    completion.outcome = outcome
    completion.status = transfer.status
    completion.curl_code = code if transfer.fault == FAULT_NONE else CURLE_OK
    completion.attempts = request.attempts + request.hedges
    completion.retry = request.attempts - 1
    completion.hedge = transfer.hedge
    completion.route = transfer.route
    completion.elapsed = now - request.started
    completion.msgpack = transfer.msgpack
    if words != NULL:
        completion.error = strdup(words)
    if code != CURLE_OK and not transfer.wait.on:
        # Of this attempt's connection: libcurl forgets it when a transfer begins.
        curl.easy_getinfo(transfer.easy, CURLINFO_OS_ERRNO, &os_errno)
        completion.os_errno = <int>os_errno
    if outcome == OUTCOME_OK and transfer.decoding:
        completion.vectors = transfer.reader.vectors.count()
        if not transfer.reader.vectors.direct():
            transfer.reader.vectors.take(&completion.values, &completion.ends)
        elif op.apart:
            completion.buffer = request.buffer
            request.buffer = NULL
    if op.apart:
        row_buffer_drop(request.buffer)  # rows of an attempt that broke, or of one that was ragged
        request.buffer = NULL
    if transfer.redirected:
        # Not asked without need: libcurl puts the URL together anew, for a tenth of a small request's instructions.
        curl.easy_getinfo(transfer.easy, CURLINFO_EFFECTIVE_URL, &url)
    if url != NULL and strcmp(url, request.plan.routes[transfer.route].url) != 0:
        completion.url = strdup(url)
    return completion


cdef NativeCompletion *completion_without_attempt(Op *op, Request *request, Outcome outcome, const char *words,
                                   long long now) noexcept nogil:
    """A completion that no attempt brought: the deadline, or memory that ran out.

    `request` is NULL when it is that of none; then the next one to be started is named.
    """
    cdef NativeCompletion *completion = <NativeCompletion *>calloc(1, sizeof(NativeCompletion) + sizeof(Timings))
    if completion == NULL:
        return NULL
    if op.plan.timings and request != NULL:
        completion.timings = <Timings *>(completion + 1)
        timings_without_attempt(completion.timings, request, now)
    completion.outcome = outcome
    if request != NULL:
        completion.index = request.index
        completion.attempts = request.attempts + request.hedges
        completion.retry = max(0, request.attempts - 1)
        completion.elapsed = now - request.started if request.started else 0
    else:
        op.monitor.lock()
        completion.index = min(op.started, op.count - 1)
        op.monitor.unlock()
    completion.error = strdup(words)
    return completion
