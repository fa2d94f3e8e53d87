# A tally: what has become of a client's attempts on one endpoint, counted by each loop for itself.
#
# Owner: reference counted; the Python EndpointTally, each route and each open socket hold one reference.  A loop writes to
# the Counts of its own number alone, so that counting takes neither a lock nor a cache line that other loops write to.
# Whoever asks adds them up.  They are made with the GIL held, before the loop gets its first share of an operation there,
# and begin anew in a forked child.

cdef extern from * nogil:
    """
    // By the only thread that writes there.
    static inline void tally_add(long long *total, long long more) {
        __atomic_store_n(total, __atomic_load_n(total, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
    }
    """
    void tally_add(long long *total, long long more)

cdef struct Counts:
    long long requests              # whose first attempt was made here
    long long retries               # the other attempts,
    long long hedges                # and copies
    long long in_flight             # of all of them
    long long answered
    long long failed
    long long refused               # responses
    long long bytes_sent
    long long bytes_received
    long long connections_open
    Histogram latency               # of attempts that were answered

cdef struct Tally:
    int refs
    int generation                  # of the process: see fork.pxi
    Counts *counts[MOST_LOOPS]      # by number of the loop; NULL where it has never served the endpoint


cdef Tally *tally_new() noexcept nogil:
    cdef Tally *tally = <Tally *>calloc(1, sizeof(Tally))
    if tally != NULL:
        tally.refs = 1
        tally.generation = fork_generation
    return tally


cdef void tally_drop(Tally *tally) noexcept nogil:
    cdef int number
    if tally == NULL or count_down(&tally.refs) > 0:
        return
    for number in range(MOST_LOOPS):
        free(tally.counts[number])
    free(tally)


cdef int tally_prepare(Tally *tally, int number) except -1:
    """Let the loop of this number count."""
    cdef int other
    if tally.generation != fork_generation:
        tally.generation = fork_generation
        for other in range(MOST_LOOPS):
            if tally.counts[other] != NULL:
                memset(tally.counts[other], 0, sizeof(Counts))
    if tally.counts[number] == NULL:
        tally.counts[number] = <Counts *>calloc(1, sizeof(Counts))
        if tally.counts[number] == NULL:
            raise MemoryError
    return 0


cdef inline void counts_attempt(Counts *counts, Request *request, int hedge, int more) noexcept nogil:
    """The request's latest attempt, or a hedge of it, has begun; with -1 it turns out to have never been one."""
    if hedge > 0:
        tally_add(&counts.hedges, more)
    elif request.attempts <= 1:
        tally_add(&counts.requests, more)
    else:
        tally_add(&counts.retries, more)
    tally_add(&counts.bytes_sent, more * <long long>request.body_size)


cdef class EndpointTally:
    """What has become of a client's attempts on one endpoint since this was made, or since the fork."""

    cdef Tally *tally

    def __cinit__(self):
        self.tally = tally_new()
        if self.tally == NULL:
            raise MemoryError

    def totals(self) -> dict:
        """The counts up to now, by the names of EndpointStatistics; durations in seconds, None before the first."""
        cdef Counts sums
        cdef Counts *counts
        cdef int number
        memset(&sums, 0, sizeof(Counts))
        for number in range(MOST_LOOPS):
            counts = self.tally.counts[number]
            if counts == NULL or self.tally.generation != fork_generation:
                continue
            sums.requests += total_now(&counts.requests)
            sums.retries += total_now(&counts.retries)
            sums.hedges += total_now(&counts.hedges)
            sums.in_flight += total_now(&counts.in_flight)
            sums.answered += total_now(&counts.answered)
            sums.failed += total_now(&counts.failed)
            sums.refused += total_now(&counts.refused)
            sums.bytes_sent += total_now(&counts.bytes_sent)
            sums.bytes_received += total_now(&counts.bytes_received)
            sums.connections_open += total_now(&counts.connections_open)
            histogram_merge(&sums.latency, &counts.latency)
        return {
            "requests": sums.requests, "retries": sums.retries, "hedges": sums.hedges, "in_flight": sums.in_flight,
            "answered": sums.answered, "failed": sums.failed, "refused": sums.refused,
            "bytes_sent": sums.bytes_sent, "bytes_received": sums.bytes_received,
            "connections_open": sums.connections_open,
            "latency_p50": quantile_of(&sums.latency, 0.5), "latency_p90": quantile_of(&sums.latency, 0.9),
            "latency_p99": quantile_of(&sums.latency, 0.99),
            "latency_max": sums.latency.longest if sums.latency.longest > 0 else None,
        }

    def __dealloc__(self):
        tally_drop(self.tally)


cdef object quantile_of(Histogram *histogram, double share):
    cdef double seconds = histogram_quantile(histogram, share)
    return seconds if seconds >= 0 else None
