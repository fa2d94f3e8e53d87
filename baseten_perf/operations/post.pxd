# The layout of a batch_post call, for compiled modules.

from baseten_perf.operations.columns cimport listed
from baseten_perf.operations.operation cimport Operation
from baseten_perf.operations.payload cimport Encoder
from baseten_perf.operations.response_body cimport decoded
from baseten_perf.validation cimport url_path_of, utf8_string


cdef class Post(Operation):
    cdef public object _allow_nan
    cdef public str _argument
    cdef public list _bodies
    cdef public list _data
    cdef public str _format
    cdef public bint _strict
    cdef public dict _unlike_200

    cdef list _encoded(self, list payloads, Py_ssize_t first)
