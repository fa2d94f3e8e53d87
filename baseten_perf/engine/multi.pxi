# A multi: one libcurl multi handle with its connections and idle transfers.  A loop has several on epoll.
#
# To find an idle connection libcurl walks all connections of a multi, so the epoll loop spreads its transfers over multis
# of a limited size.  Those for which libcurl has yet to parse the trusted certificates are larger: it does so for each of
# them (8 ms), and only what it has parsed for earlier ones spares later ones that (see trust_store.pxi).  A multi that has
# been idle for IDLE_SECONDS is closed with all its connections.

cdef enum:
    MULTI_SIZE = 32
    PARSING_MULTI_SIZE = 128
    MOST_MULTIS = 64
    IDLE_SECONDS = 30

# Atomic: how often all idle connections were to be closed at once, see spare.pxi; and how often those of idle multis.
cdef int idle_closings = 0
cdef int multi_closings = 0

cdef struct Multi:
    void *handle
    Loop *loop
    int number
    bint secure                     # for https
    Stamp stamp                     # of its core's files when it was made
    TrustStore *trust_store         # a reference, or NULL when libcurl has the file parsed
    bint leaves_trust_store         # what libcurl has parsed for it is to be kept
    bint outdated                   # the files are others now: it is closed as soon as it is idle
    int wakeup                      # libcurl's own descriptor to wake this multi, once it is known: see sockets.pxi
    int active                      # transfers in it
    int most_active
    long long due                   # when libcurl wants to be called for its timers; NEVER when it does not
    long long idle_since
    Transfer *idle


cdef Multi *multi_new(Loop *loop, int number, bint secure) noexcept nogil:
    cdef Multi *multi = <Multi *>calloc(1, sizeof(Multi))
    if multi == NULL:
        return NULL
    multi.handle = curl.multi_init()
    multi.loop = loop
    multi.number = number
    multi.due = NEVER
    multi.secure = secure
    multi.wakeup = WAKEUP_UNKNOWN
    multi_stamp(multi)
    if secure or loop.epoll < 0:
        multi_find_trust_store(multi)
    # Several HTTP/2 streams share a connection, and curl_multi_poll sleeps in one multi only.
    multi.most_active = 0x7fffffff
    if loop.epoll >= 0 and loop.core.http_version == 1:
        multi.most_active = PARSING_MULTI_SIZE if secure and multi.trust_store == NULL else MULTI_SIZE
    cdef int code = 1
    if multi.handle != NULL:
        code = curl.multi_setopt(multi.handle, CURLMOPT_MAXCONNECTS, <long>min(2 * <long>multi.most_active, 2048))
        if loop.epoll >= 0:
            code |= curl.multi_setopt(multi.handle, CURLMOPT_SOCKETFUNCTION, <void *>on_socket)
            code |= curl.multi_setopt(multi.handle, CURLMOPT_SOCKETDATA, <void *>multi)
            code |= curl.multi_setopt(multi.handle, CURLMOPT_TIMERFUNCTION, <void *>on_timer)
            code |= curl.multi_setopt(multi.handle, CURLMOPT_TIMERDATA, <void *>multi)
    if code != 0:
        multi_free(multi)
        return NULL
    return multi


cdef void multi_free(Multi *multi) noexcept nogil:
    """Close the multi's connections and free it; none of its transfers may be in flight."""
    cdef Transfer *transfer
    while multi.idle != NULL:
        transfer = multi.idle
        multi.idle = transfer.next
        transfer_free(transfer)
    if multi.handle != NULL:
        multi_forget_wakeup(multi)
        curl.multi_cleanup(multi.handle)
    trust_store_drop(multi.trust_store)
    free(multi)


cdef int on_timer(void *handle, long ms, void *multi_) noexcept nogil:
    cdef Multi *multi = <Multi *>multi_
    multi.due = NEVER if ms < 0 else (0 if ms == 0 else monotonic_ns() + <long long>ms * 1000000)
    return 0


cdef Transfer *multi_idle_transfer(Multi *multi) noexcept nogil:
    cdef Transfer *transfer = multi.idle
    if transfer == NULL:
        return transfer_new(multi)
    multi.idle = transfer.next
    return transfer


cdef void multi_reap(Multi *multi) noexcept nogil:
    """Deal with every transfer that libcurl says has ended."""
    cdef CURLMsg *message
    cdef int left
    cdef void *easy
    cdef Transfer *transfer
    cdef int result
    while True:
        message = curl.multi_info_read(multi.handle, &left)
        if message == NULL:
            return
        if message.msg == CURLMSG_DONE:
            # The message is libcurl's and dies with the transfer's removal.
            easy = message.easy_handle
            result = message.result
            transfer = NULL
            if curl.easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) == 0 and transfer != NULL:
                if result != CURLE_OK and transfer.names > 0:
                    transfer_doubt_addresses(transfer, result)
                share_attempt_ended(transfer, result)


cdef bint multi_has_room(Multi *multi, bint secure) noexcept nogil:
    return multi.active < multi.most_active and (multi.secure == secure or multi.loop.epoll < 0)


cdef Transfer *loop_idle_transfer(Loop *loop, bint secure) noexcept nogil:
    """A transfer of the first multi that has room; NULL when memory has run out."""
    cdef int number, place = MOST_MULTIS
    cdef Multi *fullest = NULL
    for number in range(loop.multi_count):
        if loop.multis[number] == NULL:
            place = min(place, number)
        elif multi_has_room(loop.multis[number], secure):
            return multi_idle_transfer(loop.multis[number])
        elif fullest == NULL or loop.multis[number].secure == secure:
            fullest = loop.multis[number]
    place = min(place, loop.multi_count)
    if place < MOST_MULTIS:
        loop.multis[place] = multi_new(loop, place, secure)
        if loop.multis[place] != NULL:
            loop.multi_count = max(loop.multi_count, place + 1)
            return multi_idle_transfer(loop.multis[place])
    # No place, or no descriptor for one more: another one takes more than it should.
    return multi_idle_transfer(fullest) if fullest != NULL else NULL


cdef long long loop_close_idle_multis(Loop *loop) noexcept nogil:
    """Close the multis that have been idle for long, or are while descriptors are short; when to look again, or NEVER."""
    cdef int wanted = count_now(&idle_closings)
    cdef int multis_wanted = count_now(&multi_closings)
    cdef bint at_once = loop.idle_closings != wanted
    cdef bint multis_at_once = at_once or loop.multi_closings != multis_wanted
    cdef long long again = NEVER
    cdef long long expires
    cdef int number
    cdef Multi *multi
    if at_once:
        shortage_yields(loop)
    for number in range(loop.multi_count):
        multi = loop.multis[number]
        if multi == NULL:
            continue
        if at_once:
            # An older libcurl does not know this: then the connections of idle multis must do.
            curl.multi_setopt(multi.handle, CURLMOPT_NETWORK_CHANGED, <long>CURLMNWC_CLEAR_CONNS)
        if multi.active > 0 or multi.idle_since == 0:
            continue
        expires = multi.idle_since + <long long>IDLE_SECONDS * 1000000000
        if expires > loop.now and not multis_at_once and not multi.outdated:
            again = min(again, expires)
        elif loop.epoll < 0:
            # The portable loop sleeps in its one multi, so there must always be one; and another takes descriptors.
            if not loop_replace_portable_multi(loop):
                curl.multi_setopt(multi.handle, CURLMOPT_NETWORK_CHANGED, <long>CURLMNWC_CLEAR_CONNS)
        else:
            loop.multis[number] = NULL
            multi_free(multi)
    loop.multi_closings = multis_wanted
    if at_once:
        count_set(&loop.idle_closings, wanted)
    return again
