# The layout of the inputs of a call, for compiled modules.

cimport cython

cdef class Batches:
    cdef readonly Py_ssize_t total
    cdef readonly object inputs
    cdef readonly Py_ssize_t count
    cdef readonly object starts
    cdef readonly object distinct
    cdef object _division

    cpdef tuple span(self, Py_ssize_t batch)
    @cython.locals(of_list=list)
    cpdef object sent(self, Py_ssize_t batch)
    cpdef list order(self)
    cpdef list sizes(self)
