# For compiled modules: they call these as C functions.

cpdef bint orjson_may_read(body) except -1
cpdef bytes small_json(value, int levels)
cpdef bytes small_body(bytes before, value, bytes after, int levels)
