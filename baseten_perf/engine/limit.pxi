# A limit that the user has told: requests and tokens of any minute, of a client's or of an endpoint's.
#
# An attempt takes its cost of the client's limit, of its endpoint's and, with the pace's permit, starts; or it takes nothing
# (route.pxi).  Nothing is given back for refused or aborted attempts; only for those without a connection or a descriptor, of
# which nothing was sent.  What the answers say that they have cost corrects what was estimated.
#
# Owner: reference counted; the Python LimitState and each plan or route hold one reference.  The monitor of `turns` guards
# the buckets.

cdef struct Limit:
    int refs
    Turns turns
    Bucket requests
    Bucket tokens


cdef void limit_drop(Limit *limit) noexcept nogil:
    if limit != NULL and count_down(&limit.refs) == 0:
        turns_close(&limit.turns)
        free(limit)


cdef inline bint limit_has(Limit *limit, double cost, double now) noexcept nogil:
    """With the monitor held."""
    bucket_refill(&limit.requests, now)
    bucket_refill(&limit.tokens, now)
    return bucket_has(&limit.requests, 1) and bucket_has(&limit.tokens, cost)


cdef inline double limit_opens(Limit *limit, double cost, double now) noexcept nogil:
    """With the monitor held."""
    return max(bucket_fills_at(&limit.requests, 1, now), bucket_fills_at(&limit.tokens, cost, now))


cdef bint limit_take(Limit *limit, Waiter *waiter, bint had_turn, double cost, double now, double *look_again) noexcept nogil:
    """Take the cost of an attempt, or let the waiter stand in the FIFO, and bring `look_again` forward.

    Parameters:
        waiter: NULL for one that takes what is free or nothing, such as a hedge.
        had_turn: it has been first here, and has then had to wait for something else.  Were it to queue up anew, many that
            wait for both could hand their turns to each other without end.
    """
    limit.turns.monitor.lock()
    bucket_expect(&limit.tokens, cost)
    cdef bint taken = limit_has(limit, cost, now) and (had_turn or turns_are_of(&limit.turns, waiter))
    if taken:
        bucket_take(&limit.requests, 1)
        bucket_take(&limit.tokens, cost)
    if waiter != NULL and taken:
        turns_go_on(&limit.turns, waiter)
    elif waiter != NULL and turns_stand(&limit.turns, waiter, cost):
        look_again[0] = min(look_again[0], turns_alarm(&limit.turns, limit_opens(limit, cost, now)))
    limit.turns.monitor.unlock()
    return taken


cdef void limit_give_back(Limit *limit, double cost) noexcept nogil:
    """The attempt was not sent; limit_next must follow."""
    limit.turns.monitor.lock()
    bucket_give(&limit.requests, 1)
    bucket_give(&limit.tokens, cost)
    limit.turns.monitor.unlock()


cdef void limit_settle(Limit *limit, double estimated, double actual, double now) noexcept nogil:
    """The answer says what it has cost; limit_next must follow."""
    limit.turns.monitor.lock()
    bucket_refill(&limit.tokens, now)
    bucket_give(&limit.tokens, estimated - actual)
    limit.turns.monitor.unlock()


cdef Waiter *limit_next(Limit *limit, double now) noexcept nogil:
    """The waiter to wake now, whose owner is held for the caller to let go of; NULL when there is none."""
    cdef Waiter *waiter
    limit.turns.monitor.lock()
    waiter = limit.turns.queue.first
    if waiter != NULL and not limit_has(limit, waiter.cost, now) and (
        turns_are_alarmed(&limit.turns, limit_opens(limit, waiter.cost, now))
    ):
        waiter = NULL
    if waiter != NULL:
        count_up(waiter.refs)
    limit.turns.monitor.unlock()
    return waiter


cdef class LimitState:
    """A limit that the user has told.

    Parameters:
        requests, tokens: at most so many in any minute; 0 for no limit.
    """

    cdef Limit *limit

    def __cinit__(self, double requests, double tokens):
        self.limit = <Limit *>calloc(1, sizeof(Limit))
        if self.limit == NULL:
            raise MemoryError
        self.limit.refs = 1
        turns_open(&self.limit.turns, NULL)
        bucket_of_minute(&self.limit.requests, requests)
        bucket_of_minute(&self.limit.tokens, tokens)

    def settle(self, double estimated, double actual) -> None:
        """A request that was estimated to cost so many tokens has cost so many; who waits is told."""
        cdef double now = seconds_now()
        limit_settle(self.limit, estimated, actual, now)
        cdef Waiter *waiter = limit_next(self.limit, now)
        if waiter != NULL:
            waiter_wake(waiter)

    def __dealloc__(self):
        limit_drop(self.limit)
