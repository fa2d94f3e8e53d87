"""What can be told of a JSON text without reading it."""

cdef extern from "decode/long_integers.hpp" namespace "baseten" nogil:
    bint has_long_integer(const char *text, size_t size)
