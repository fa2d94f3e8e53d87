# Timings: where the time of a request went, by what libcurl tells of the attempt that ended it; only where the plan asks.
#
# The layout is that of a row of responses/timings.py.  libcurl's instants count from the moment at which it was given the
# attempt, with those of redirects added up; here each phase has its own duration.  libcurl gives 0 for what has not come
# to its end, which is NaN here.

cdef struct Timings:
    double queued                   # from the push to the start of the attempt; seconds, as are all of them
    double dns
    double connect
    double tls
    double sent
    double first_byte
    double total
    long long attempts
    long long bytes_sent
    long long bytes_received

cdef extern from "<cmath>" nogil:
    double NAN_S "NAN"


cdef void timings_without_attempt(Timings *timings, Request *request, long long now) noexcept nogil:
    timings.queued = timings.dns = timings.connect = timings.tls = timings.sent = timings.first_byte = NAN_S
    timings.total = (now - request.pushed) * 1e-9
    timings.attempts = request.attempts + request.hedges
    timings.bytes_sent = timings.bytes_received = 0


cdef inline double easy_seconds(void *easy, int info) noexcept nogil:
    """One of libcurl's instants in seconds; 0 when it has not come, or when this libcurl does not know it."""
    cdef curl_off_t us = 0
    return us * 1e-6 if curl.easy_getinfo(easy, info, &us) == 0 else 0.0


cdef inline double phase(double start, double end) noexcept nogil:
    return max(0.0, end - start) if end > 0 else NAN_S


cdef void timings_of(Timings *timings, Transfer *transfer, long long now) noexcept nogil:
    """The timings of a request that this attempt has ended."""
    cdef void *easy = transfer.easy
    cdef double started = transfer.permit.started
    cdef double looked_up, connected, secured, ready, sent
    cdef double waited = 0          # for look-ups of our own
    cdef long connections = 0
    cdef long request_size = 0
    timings_without_attempt(timings, transfer.request, now)
    timings.queued = started - transfer.request.pushed * 1e-9
    if transfer.wait.on:
        return                      # it has not been libcurl's yet
    if transfer.wait.since * 1e-9 >= started:
        waited = (transfer.wait.ended - transfer.wait.since) * 1e-9
    curl.easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections)
    curl.easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &timings.bytes_sent)
    curl.easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &timings.bytes_received)
    # Until a connection is ready for the request; else libcurl makes up the instants from there on.
    curl.easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size)
    ready = easy_seconds(easy, CURLINFO_PRETRANSFER_TIME_T)
    if connections == 0 and request_size > 0:
        # A connection that was there, or, in HTTP/2, one that another transfer has made meanwhile.
        timings.queued += ready
        timings.dns = waited
        timings.connect = timings.tls = 0
    else:
        looked_up = easy_seconds(easy, CURLINFO_NAMELOOKUP_TIME_T)
        connected = easy_seconds(easy, CURLINFO_CONNECT_TIME_T)
        secured = easy_seconds(easy, CURLINFO_APPCONNECT_TIME_T)
        timings.dns = phase(-waited, looked_up)
        timings.connect = phase(looked_up, connected)
        timings.tls = phase(connected, secured)
        if secured == 0 and connected > 0 and not transfer.share.op.plan.routes[transfer.route].secure:
            timings.tls = 0
    if request_size == 0:
        return
    sent = easy_seconds(easy, CURLINFO_POSTTRANSFER_TIME_T)
    timings.sent = phase(ready, sent)
    timings.first_byte = phase(sent if sent > 0 else ready, easy_seconds(easy, CURLINFO_STARTTRANSFER_TIME_T))
