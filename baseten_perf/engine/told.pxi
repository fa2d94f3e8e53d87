# What the headers of responses tell of a pace's quotas: how many requests and tokens are left, and when all of them are again.
#
# They only hold back, also before the first refusal: two buckets, which each response that has such headers sets anew.  The
# server refills (limit - remaining) in the time until the reset, and has not seen all of what is in flight.  With the pace's
# monitor held, but for pace_learn.

cdef enum:
    BYTES_PER_TOKEN = 4             # of a body whose tokens nobody has counted


cdef inline double request_tokens(Request *request) noexcept nogil:
    """What a request costs of the tokens that a server has told."""
    return request.cost if request.cost > 0 else <double>request.body_size / <int>BYTES_PER_TOKEN


cdef void bucket_learn(Bucket *bucket, Quota quota, double in_flight, double now) noexcept nogil:
    if not quota.known():
        return
    # All that was used is there at the reset; where nothing was, or it is reset now, nothing is to be held back.
    bucket.rate = (quota.limit - quota.remaining) / quota.reset if quota.reset > 0 else 0.0
    bucket.depth = quota.limit
    bucket.left = min(quota.limit, quota.remaining - in_flight)
    bucket.at = now


cdef void pace_learn(Pace *pace, Quota requests, Quota tokens, double cost, double now) noexcept nogil:
    """Take in what a response says, whose request cost so many tokens and counts as in flight itself; pace_next must follow."""
    if not requests.known() and not tokens.known():
        return
    pace.turns.monitor.lock()
    cdef int others = max(0, count_now(&pace.flying) - 1)
    bucket_learn(&pace.told_requests, requests, others, now)
    bucket_learn(&pace.told_tokens, tokens, others * cost, now)
    count_set(&pace.told, pace.told_requests.rate > 0 or pace.told_tokens.rate > 0)
    pace.turns.monitor.unlock()


cdef inline bint told_admits(Pace *pace, double cost, double now) noexcept nogil:
    bucket_refill(&pace.told_requests, now)
    bucket_refill(&pace.told_tokens, now)
    return bucket_has(&pace.told_requests, 1) and bucket_has(&pace.told_tokens, cost)


cdef inline double told_opens(Pace *pace, double cost, double now) noexcept nogil:
    return max(bucket_fills_at(&pace.told_requests, 1, now), bucket_fills_at(&pace.told_tokens, cost, now))


cdef inline void told_started(Pace *pace, double cost) noexcept nogil:
    bucket_take(&pace.told_requests, 1)
    bucket_take(&pace.told_tokens, cost)
