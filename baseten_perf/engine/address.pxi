# The addresses of a transfer: what libcurl knows of the names that its route needs, and the wait for look-ups.
#
# CURLOPT_RESOLVE gives libcurl the addresses, in a list of ours that it reads when the transfer starts.  The "+" makes it
# forget them after a minute, like those that it looks up itself.  A waiting transfer belongs to its share like any other:
# it holds its slot, its time-outs run, and whatever ends it ends it.  It is only not in its multi yet.

cdef struct Resolved:
    Host *host
    int port
    int version                     # of the host's addresses
    long long fresh_until           # what the host's was then
    curl_slist line                 # of CURLOPT_RESOLVE; without `data` when the host has no addresses to give
    char *text

cdef struct Wait:
    bint on                         # the transfer is in share.unaddressed, and not in its multi
    int need                        # which of its names it waits for
    long long since
    long long ended                 # the last wait
    Timer late
    Transfer *previous              # in share.unaddressed
    Transfer *next
    int listed                      # atomic: it is in host.waiting; its loop lets it be as long as it is
    int round                       # of the host; guarded by its monitor, as are the next two
    Transfer *before                # in host.waiting
    Transfer *after


cdef void transfer_take_names(Transfer *transfer, Route *route) noexcept nogil:
    """The transfer is set up for this route."""
    cdef int number
    cdef Resolved *resolved
    transfer.names = route.names
    for number in range(route.names):
        resolved = &transfer.resolved[number]
        if resolved.host != route.named[number].host or resolved.port != route.named[number].port:
            resolved.host = route.named[number].host
            resolved.port = route.named[number].port
            resolved.version = 0
            resolved.fresh_until = 0


cdef inline bint transfer_is_resolved(Transfer *transfer) noexcept nogil:
    """Whether libcurl knows all addresses that it needs, and none of them is old."""
    cdef int number
    for number in range(transfer.names):
        if (transfer.resolved[number].version != count_now(&transfer.resolved[number].host.version)
                or transfer.resolved[number].fresh_until <= transfer.multi.loop.now):
            return False
    return True


cdef inline int transfer_launch(Transfer *transfer) noexcept nogil:
    """Give the transfer to its multi, or let it wait for its addresses; a CURLcode."""
    cdef int code = 0
    if transfer.names > 0 and not transfer_is_resolved(transfer):
        code = transfer_find_addresses(transfer, 0)
        if code != 0:
            return 0 if code == CURLE_AGAIN else code
    return 0 if curl.multi_add_handle(transfer.multi.handle, transfer.easy) == 0 else CURLE_OUT_OF_MEMORY


cdef int transfer_find_addresses(Transfer *transfer, int first) noexcept nogil:
    """Tell libcurl the addresses of its names, of which those from `first` on may be old; CURLE_AGAIN to wait for one of them."""
    cdef int number, code, wanted
    cdef Host *host
    cdef Resolved *resolved
    cdef long long now
    for number in range(first, transfer.names):
        resolved = &transfer.resolved[number]
        host = resolved.host
        now = monotonic_ns()
        host.monitor.lock()
        wanted = host_ask(host) if now >= host.fresh_until else 0
        code = resolved_renew(resolved) if now < host.good_until else transfer_wait(transfer, number, now)
        host.monitor.unlock()
        host_send(host, wanted)
        if code != 0:
            return code
    for number in range(transfer.names):
        transfer.resolved[number].line.next = &transfer.resolved[number + 1].line if number + 1 < transfer.names else NULL
    return curl.easy_setopt(transfer.easy, CURLOPT_RESOLVE, &transfer.resolved[0].line)


cdef int resolved_renew(Resolved *resolved) noexcept nogil:
    """With the host's monitor held: write down its addresses for libcurl; CURLE_OK or CURLE_OUT_OF_MEMORY."""
    cdef Host *host = resolved.host
    cdef size_t size = strlen(host.name) + strlen(host.addresses) + 16
    cdef char *text = <char *>realloc(resolved.text, size)
    if text == NULL:
        return CURLE_OUT_OF_MEMORY
    snprintf(text, size, b"+%s:%d:%s", host.name, resolved.port, host.addresses)
    resolved.text = text
    resolved.line.data = text if host.addresses[0] != 0 else NULL
    resolved.version = count_now(&host.version)
    resolved.fresh_until = host.fresh_until
    return CURLE_OK


cdef int transfer_wait(Transfer *transfer, int number, long long now) noexcept nogil:
    """With the host's monitor held: wait for its look-ups, until a time-out of the attempt; CURLE_AGAIN or CURLE_OUT_OF_MEMORY."""
    cdef Plan *plan = transfer.share.op.plan
    cdef Wait *wait = &transfer.wait
    cdef Host *host = transfer.resolved[number].host
    cdef long long until
    if not wait.on:
        wait.since = now
        timer_init(&wait.late, ADDRESS_LATE, <void *>transfer)
    until = wait.since + <long long>min(plan.timeout_ms, plan.connect_timeout_ms) * 1000000
    if host.addresses != NULL:
        until = min(until, now + PATIENCE_WITH_OLD)
    if not timers_add(&transfer.multi.loop.timers, &wait.late, until):
        return CURLE_OUT_OF_MEMORY
    wait.need = number
    host_join(host, transfer)
    if not wait.on:
        wait.on = True
        wait.previous = NULL
        wait.next = transfer.share.unaddressed
        if wait.next != NULL:
            wait.next.wait.previous = transfer
        transfer.share.unaddressed = transfer
    return CURLE_AGAIN


cdef bint transfer_leave_host(Transfer *transfer) noexcept nogil:
    """Do not wait for the host's look-ups any more; False when they have ended."""
    cdef Host *host = transfer.resolved[transfer.wait.need].host
    host.monitor.lock()
    cdef bint listed = count_now(&transfer.wait.listed) != 0
    if listed:
        host_leave(host, transfer)
    host.monitor.unlock()
    timers_remove(&transfer.multi.loop.timers, &transfer.wait.late)
    if listed:
        op_drop(transfer.share.op)
    return listed


cdef void transfer_end_wait(Transfer *transfer) noexcept nogil:
    cdef Wait *wait = &transfer.wait
    transfer_leave_host(transfer)
    wait.ended = monotonic_ns()
    if wait.previous != NULL:
        wait.previous.wait.next = wait.next
    else:
        transfer.share.unaddressed = wait.next
    if wait.next != NULL:
        wait.next.wait.previous = wait.previous
    wait.on = False


cdef bint transfer_resume(Transfer *transfer) noexcept nogil:
    """The look-ups of its host have ended, or it cannot wait for them any longer: go on with the addresses there are.

    False when the attempt has ended; then the share may be gone.
    """
    cdef int number = transfer.wait.need
    cdef Host *host = transfer.resolved[number].host
    cdef Share *share = transfer.share
    cdef bint proxy = share.op.plan.routes[transfer.route].named[number].proxy
    cdef const char *role = "proxy" if proxy else "host"
    cdef long long waited = (monotonic_ns() - transfer.wait.since) // 1000000
    cdef int code
    cdef bint late = transfer_leave_host(transfer)
    host.monitor.lock()
    if host.addresses != NULL:
        if late:
            host.good_until = monotonic_ns() + FRESH    # others need not wait for the same look-ups
        code = resolved_renew(&transfer.resolved[number])
    elif late:
        code = CURLE_OPERATION_TIMEDOUT
        snprintf(transfer.error, sizeof(transfer.error), b"Resolving timed out after %lld milliseconds", waited)
    else:
        code = CURLE_COULDNT_RESOLVE_PROXY if proxy else CURLE_COULDNT_RESOLVE_HOST
        snprintf(transfer.error, sizeof(transfer.error), b"Could not resolve %s: %s (%s)", role, host.name, host.reason)
        if host.short:
            transfer.multi.loop.shortage.seen = monotonic_ns()
    host.monitor.unlock()
    if code == 0:
        code = transfer_find_addresses(transfer, number + 1)
    if code == CURLE_AGAIN:
        return True
    if code == 0:
        code = transfer_shorten(transfer, waited)
    if code == 0:
        transfer_end_wait(transfer)
        if curl.multi_add_handle(transfer.multi.handle, transfer.easy) == 0:
            return True
        code = CURLE_OUT_OF_MEMORY
    share_attempt_ended(transfer, code)
    return False


cdef int transfer_shorten(Transfer *transfer, long long waited) noexcept nogil:
    """Take the milliseconds of waiting from the time-outs of this attempt; a CURLcode."""
    cdef Plan *plan = transfer.share.op.plan
    cdef int code = 0
    code |= curl.easy_setopt(transfer.easy, CURLOPT_TIMEOUT_MS, max(<long>1, plan.timeout_ms - <long>waited))
    code |= curl.easy_setopt(transfer.easy, CURLOPT_CONNECTTIMEOUT_MS, max(<long>1, plan.connect_timeout_ms - <long>waited))
    transfer.serial = 0             # the next attempt has all of its time again
    return code


cdef bint share_resume_addressed(Share *share) noexcept nogil:
    """Go on with the transfers whose look-ups have ended; False when the share has let go of its operation meanwhile."""
    cdef Op *op = share.op
    cdef Transfer *transfer = share.unaddressed
    cdef Transfer *following
    count_up(&op.refs)
    while transfer != NULL:
        following = transfer.wait.next
        if not count_now(&transfer.wait.listed) and not transfer_resume(transfer):
            # Others may have been begun or aborted.
            following = share.unaddressed
        transfer = following
    cdef bint there = not share.detached
    op_drop(op)
    return there


cdef void transfer_doubt_addresses(Transfer *transfer, int code) noexcept nogil:
    """The attempt has failed: if it could not connect, its hosts may have moved."""
    cdef long sent = 0
    cdef int number
    if transfer.redirected:
        return
    if code == CURLE_OPERATION_TIMEDOUT:
        curl.easy_getinfo(transfer.easy, CURLINFO_REQUEST_SIZE, &sent)
        if sent > 0:
            return
    elif code != CURLE_COULDNT_CONNECT or failed_for_descriptors(transfer.multi.loop, code, transfer.permit.started):
        return
    for number in range(transfer.names):
        host_doubt(transfer.resolved[number].host, transfer.resolved[number].version)
