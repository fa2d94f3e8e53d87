# A bucket of tokens: so much may start at once, and so much each second.

# The limit of a minute is spent in a minute, the second that may start at once, and what requests may differ by on their way:
# else some would come to the server as a minute began that had been sent before, and be too many there.
cdef double MINUTE_S = 60.25
cdef double SPENT_IN_S = 61.25

cdef struct Bucket:
    double rate                     # a second; 0: there is no such limit
    double depth
    double left
    double at                       # instant of `left`
    double most                     # of any minute's, where the user told it
    double largest                  # cost that was more than `depth`


cdef void bucket_of_minute(Bucket *bucket, double most) noexcept nogil:
    """At most so much in any minute; 0 for no limit.  However little that is, a single one may start at once."""
    bucket.most = most
    bucket.rate = most / SPENT_IN_S
    bucket.depth = bucket.left = max(1.0, bucket.rate)


cdef inline void bucket_refill(Bucket *bucket, double now) noexcept nogil:
    if now > bucket.at:
        bucket.left = min(bucket.depth, bucket.left + (now - bucket.at) * bucket.rate)
        bucket.at = now


cdef void bucket_expect(Bucket *bucket, double cost) noexcept nogil:
    """What costs more than a second's worth starts when that is there, and the rest is a debt: so the minute has room for it,
    the rate is lower from then on."""
    if cost > bucket.depth and cost > bucket.largest and bucket.most > 0:
        bucket.largest = cost
        bucket.rate = max((bucket.most - cost) / MINUTE_S, 0.5 * bucket.most / SPENT_IN_S)


cdef inline bint bucket_has(Bucket *bucket, double cost) noexcept nogil:
    return bucket.rate == 0 or bucket.left >= min(cost, bucket.depth) - 1e-9


cdef inline void bucket_take(Bucket *bucket, double cost) noexcept nogil:
    if bucket.rate > 0:
        bucket.left -= cost


cdef inline void bucket_give(Bucket *bucket, double cost) noexcept nogil:
    """Perhaps a negative cost."""
    if bucket.rate > 0:
        bucket.left = min(bucket.depth, bucket.left + cost)


cdef double bucket_fills_at(Bucket *bucket, double cost, double now) noexcept nogil:
    """When it will have as much, unless more is taken or given; `now` when it has it."""
    if bucket_has(bucket, cost):
        return now
    return now + (min(cost, bucket.depth) - bucket.left) / bucket.rate + 1e-6
