# TLS sessions: with one of an earlier connection a new one needs no certificates, nor signatures to be checked.
#
# A server hands out sessions that are good for one connection each (RFC 8446, C.4), and a cache of libcurl keeps two for
# each server.  So each transfer has a cache of its own, which makes the next connection resume wherever it opens the
# connections of one after another: 128 that are opened at once take 128 sessions.  A cache outlives its transfer and its
# multi: it waits in the core for the next transfer, as long as the files of the core's TLS stay what they were.
#
# libcurl finds a session by the server, and by what it was told to trust: those of a multi for which it has parsed the
# certificates itself are not found in one with a trust store, for which it is told something else.
#
# With HTTP/2 and 3 few connections carry all transfers: there the multi's one cache does.

cdef enum:
    MOST_IDLE_SESSIONS = 128

# Owner: the transfer that uses it, or the core.  No two threads use it at once, so libcurl is given no locks for it.
cdef struct Sessions:
    void *cache                     # libcurl's CURLSH
    Sessions *next                  # in core.sessions


cdef Sessions *sessions_new() noexcept nogil:
    cdef Sessions *sessions = <Sessions *>calloc(1, sizeof(Sessions))
    if sessions == NULL:
        return NULL
    sessions.cache = curl.share_init()
    if sessions.cache == NULL or curl.share_setopt(
        sessions.cache, CURLSHOPT_SHARE, <int>CURL_LOCK_DATA_SSL_SESSION
    ) != 0:
        sessions_free(sessions)
        return NULL
    return sessions


cdef void sessions_free(Sessions *sessions) noexcept nogil:
    """When no transfer has it any more."""
    if sessions.cache != NULL:
        curl.share_cleanup(sessions.cache)
    free(sessions)


cdef void sessions_free_all(Sessions *sessions) noexcept nogil:
    cdef Sessions *next
    while sessions != NULL:
        next = sessions.next
        sessions_free(sessions)
        sessions = next


cdef void multi_stamp(Multi *multi) noexcept nogil:
    """Note which files the multi's connections will trust; sessions of earlier ones are forgotten."""
    cdef Core *core = multi.loop.core
    cdef Sessions *old = NULL
    multi.stamp = core_stamp(core)
    core.monitor.lock()
    if not same_stamp(core.stamp, multi.stamp):
        core.stamp = multi.stamp
        old = core.sessions
        core.sessions = NULL
        core.session_count = 0
    core.monitor.unlock()
    sessions_free_all(old)


cdef int transfer_take_sessions(Transfer *transfer) noexcept nogil:
    """Before the transfer opens its first TLS connection; a CURLcode.  Without memory it goes without a cache."""
    cdef Multi *multi = transfer.multi
    cdef Core *core = multi.loop.core
    core.monitor.lock()
    cdef Sessions *sessions = core.sessions if same_stamp(core.stamp, multi.stamp) else NULL
    if sessions != NULL:
        core.sessions = sessions.next
        core.session_count -= 1
    core.monitor.unlock()
    transfer.sessions = sessions if sessions != NULL else sessions_new()
    if transfer.sessions == NULL:
        return CURLE_OK
    return curl.easy_setopt(transfer.easy, CURLOPT_SHARE, transfer.sessions.cache)


cdef void transfer_leave_sessions(Transfer *transfer) noexcept nogil:
    """After its easy handle is gone."""
    cdef Multi *multi = transfer.multi
    cdef Core *core = multi.loop.core
    cdef Sessions *sessions = transfer.sessions
    transfer.sessions = NULL
    core.monitor.lock()
    cdef bint kept = core.session_count < MOST_IDLE_SESSIONS and same_stamp(core.stamp, multi.stamp)
    if kept:
        sessions.next = core.sessions
        core.sessions = sessions
        core.session_count += 1
    core.monitor.unlock()
    if not kept:
        sessions_free(sessions)
