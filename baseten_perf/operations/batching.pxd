# The layout of the inputs of a call, for compiled modules.

cdef class Batches:
    cdef readonly Py_ssize_t total
    cdef readonly list inputs
    cdef readonly object starts
    cdef readonly object distinct
    cdef object _division

    cpdef tuple span(self, Py_ssize_t batch)
    cpdef list sent(self, Py_ssize_t batch)
    cpdef list order(self)
    cpdef list sizes(self)
