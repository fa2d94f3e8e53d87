# A histogram of durations: buckets that are an eighth to a fifteenth of their start wide, from a microsecond to an hour.
#
# Of each power of two from 8 us on there are eight equal buckets, as in HdrHistogram (https://hdrhistogram.org); below,
# each microsecond has one.  What is longer than the last bucket counts there.

cdef enum:
    BUCKETS = 240                   # 2**32 us, which is more than an attempt may take

cdef extern from * nogil:
    """
    static inline int bucket_of(unsigned long long us) {
        if (us < 8) return static_cast<int>(us);
        if (us >> 32) return 239;
        int power = 63 - __builtin_clzll(us);
        return 8 * (power - 2) + static_cast<int>(us >> (power - 3)) - 8;
    }
    static inline unsigned long long bucket_start(int bucket) {
        return bucket < 8 ? bucket : static_cast<unsigned long long>(8 + bucket % 8) << (bucket / 8 - 1);
    }
    """
    int bucket_of(unsigned long long us)
    unsigned long long bucket_start(int bucket)

cdef struct Histogram:
    double longest                  # seconds
    long long counts[BUCKETS]


cdef inline void histogram_add(Histogram *histogram, double seconds) noexcept nogil:
    tally_add(&histogram.counts[bucket_of(<unsigned long long>(max(0.0, seconds) * 1e6))], 1)
    if seconds > histogram.longest:
        instant_set(&histogram.longest, seconds)


cdef void histogram_merge(Histogram *into, Histogram *other) noexcept nogil:
    """Add up what another thread may be counting in at this moment."""
    cdef int bucket
    into.longest = max(into.longest, instant_now(&other.longest))
    for bucket in range(BUCKETS):
        into.counts[bucket] += total_now(&other.counts[bucket])


cdef double histogram_quantile(Histogram *histogram, double share) noexcept nogil:
    """Seconds that this share of the durations took at most, as far as their bucket tells; -1 when there are none."""
    cdef long long total = 0
    cdef long long before = 0
    cdef long long rank
    cdef double start, end
    cdef int bucket
    for bucket in range(BUCKETS):
        total += histogram.counts[bucket]
    if total == 0:
        return -1
    rank = max(1, <long long>ceil(share * total))
    for bucket in range(BUCKETS):
        if before + histogram.counts[bucket] >= rank:
            break
        before += histogram.counts[bucket]
    start = bucket_start(bucket)
    end = bucket_start(bucket + 1)
    return min(histogram.longest, (start + (end - start) * (rank - before - 0.5) / histogram.counts[bucket]) * 1e-6)
