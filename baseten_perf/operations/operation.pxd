# The layout of an operation, for compiled modules: they read these attributes as members of a struct.

cdef class Operation:
    cdef public str name
    cdef public str method
    cdef public str path
    cdef public str media_types
    cdef public object model
    cdef public object heads
    cdef public object rows
    cdef public object sizes
    cdef public Py_ssize_t total
    cdef public Py_ssize_t first
    cdef public object final_statuses
    cdef public bint has_fallback
    cdef public object out
    cdef public list elapsed
    cdef public list headers
    cdef public list timings
    cdef public dict failures

    cpdef void _prepare(
        self, str name, str method, str path, Py_ssize_t requests, object model, str media_types=*, object heads=*,
        object rows=*, object sizes=*, Py_ssize_t total=*
    ) except *
    cpdef void record(self, object completion) except *
    cpdef bytes body(self, Py_ssize_t index)
    cpdef void accept(self, object completion, object matrix) except *
    cpdef object response(self, double total_time, object matrix)
