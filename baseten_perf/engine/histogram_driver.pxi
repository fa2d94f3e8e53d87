# A histogram without attempts and clocks.  For tests.

cdef class HistogramDriver:
    """Counts durations as a loop does, and adds up two such counts."""

    cdef Histogram counted[2]

    def add(self, seconds) -> None:
        cdef int i
        cdef double each
        for i, each in enumerate(seconds):
            histogram_add(&self.counted[i % 2], each)

    cdef Histogram both(self):
        cdef Histogram sum
        memset(&sum, 0, sizeof(Histogram))
        histogram_merge(&sum, &self.counted[0])
        histogram_merge(&sum, &self.counted[1])
        return sum

    def quantile(self, double share) -> float:
        """-1 when there are no durations."""
        cdef Histogram sum = self.both()
        return histogram_quantile(&sum, share)

    @staticmethod
    def bucket(double seconds) -> tuple:
        """The start and the end of its bucket, in seconds."""
        cdef int bucket = bucket_of(<unsigned long long>(seconds * 1e6))
        return bucket_start(bucket) * 1e-6, bucket_start(bucket + 1) * 1e-6
