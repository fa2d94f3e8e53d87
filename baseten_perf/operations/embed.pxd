# The layout of an embed call, for compiled modules.

from baseten_perf.operations.batched cimport Batched
from baseten_perf.operations.quick_json cimport body_of, dumps
from baseten_perf.operations.skeleton cimport read
from baseten_perf.operations.tokens cimport texts_or_tokens
from baseten_perf.responses.rows cimport Rows
from baseten_perf.validation cimport url_path_of, utf8_string


cdef class Embed(Batched):
    cdef public tuple _arguments
    cdef public object _base64
    cdef public dict _irregular
    cdef public str _model
    cdef public str _object
    cdef public dict _objects
    cdef public object _prompt_tokens
    cdef public object _total_tokens
    cdef public bytearray _states
    cdef public bytes _suffix
