# The layout of an encoder, for compiled modules.

from baseten_perf.operations._json cimport small_json

cdef class Encoder:
    cdef object _allow_nan
    cdef readonly bint nulled

    cpdef bytes encode(self, value)
