# The layout of rows, for compiled modules.

from baseten_perf.responses.by_input cimport EmbeddingsByInput


cdef class Rows(EmbeddingsByInput):
    cdef readonly object _matrix
    cdef object _starts
    cdef Py_ssize_t _total
    cdef bytearray _states
    cdef dict _irregular
    cdef dict _objects
