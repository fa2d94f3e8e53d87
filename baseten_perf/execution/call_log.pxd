# For compiled modules: they call it as a C function.

from baseten_perf.log cimport logger

cpdef object call_log(operation, count, policy, endpoints)
