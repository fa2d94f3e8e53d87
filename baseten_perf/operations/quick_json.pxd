# For compiled modules: they call these as C functions.

from baseten_perf.operations._json cimport small_body, small_json

cpdef bint is_to_read(body) except -1
cpdef bytes dumps(value)
cpdef bytes body_of(bytes before, inputs, bytes after)
