# The layout of a batch_post call, for compiled modules.

from baseten_perf.operations.operation cimport Operation


cdef class Post(Operation):
    cdef public object _allow_nan
    cdef public str _argument
    cdef public list _bodies
    cdef public list _data
    cdef public str _format
    cdef public bint _strict
    cdef public dict _unlike_200
