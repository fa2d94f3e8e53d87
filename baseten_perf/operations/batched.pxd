# The layout of an operation on several inputs, for compiled modules.

from baseten_perf.operations.batching cimport Batches
from baseten_perf.operations.operation cimport Operation


cdef class Batched(Operation):
    cdef public Batches _batches
    cdef public object _inputs
    cdef public object _limits

    cpdef void _prepare_batches(
        self, object learned, str name, str path, object inputs, object policy, object model, object size, bint vectors=*
    ) except *
    cpdef void _begin(self, Py_ssize_t requests) except *
    cpdef tuple _kept(self)
