# The layout of a caller, for its compiled module.

from baseten_perf.execution.call cimport Call
from baseten_perf.operations.operation cimport Operation


cdef class Caller:
    cdef object __weakref__
    cdef readonly object lease
    cdef readonly list tallies
    cdef object _account
    cdef str _api_key
    cdef str _base_url
    cdef object _endpoint_pool
    cdef object _learning
    cdef object _limits
    cdef object _request_id_prefix
    cdef list _route_limits
    cdef object _state

    cpdef Call call(
        self, Operation operation, object policy, object mailbox=*, object token=*, object began=*, object progress=*
    )
    cdef tuple _plan_of(self, Operation operation, object policy)
    cdef object _account_of(self, object policy)
    cdef object _sequence_number(self, Operation operation, object policy)
