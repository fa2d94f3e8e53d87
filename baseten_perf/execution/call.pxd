# The layout of a call, for its compiled module.

cimport cython

from baseten_perf.execution.call_log cimport call_log
from baseten_perf.operations.operation cimport Operation


cdef class Call:
    cdef object __weakref__
    cdef public object handle
    cdef readonly object instead
    cdef object _account
    cdef Py_ssize_t _ahead
    cdef object _arrived
    cdef double _began
    cdef object _call_log
    cdef Py_ssize_t _completed
    cdef tuple _consumers
    cdef Py_ssize_t _count
    cdef list _endpoints
    cdef dict _expected
    cdef object _failure
    cdef object _invalid
    cdef object _matrix
    cdef public Operation _operation
    cdef object _owner
    cdef object _parts
    cdef object _plan_of
    cdef object _policy
    cdef object _progress
    cdef Py_ssize_t _pushed
    cdef object _remake
    cdef object _rows
    cdef Py_ssize_t _sent
    cdef object _splitting
    cdef Py_ssize_t _undivided

    cpdef bint feed(self, Py_ssize_t most_bytes=*) except -1
    @cython.locals(taken=Py_ssize_t)
    cpdef bint advance(self, object until=*) except -1
    cpdef object result(self)
    cdef void _take_in(self, object completion) except *
    cdef void _let_go(self) except *
