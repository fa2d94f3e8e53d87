"""The rate-limit headers of a response: what a server still takes, and when it takes all again."""


cdef extern from "decode/rate_limits.hpp" namespace "baseten" nogil:
    cppclass Quota:
        double limit
        double remaining
        double reset
        bint known()
    bint may_be_rate_limit(const char *line, size_t size)
    cppclass RateLimits:
        Quota requests
        Quota tokens
        void start(double unix_now)
        void read(const char *line, size_t size)
        void finish()
