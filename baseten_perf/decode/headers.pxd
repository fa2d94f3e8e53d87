"""The header lines of a response: kept, walked through, and asked what they say of the body."""

from baseten_perf.decode.reader cimport Bytes


cdef extern from "decode/header_lines.hpp" namespace "baseten" nogil:
    bint append_header_line(Bytes &block, const char *line, size_t size)
    cppclass HeaderLines:
        const char *line
        size_t line_size
        const char *value
        size_t value_size
        void start(const Bytes &block)
        bint next()
        bint named(const char *name)

cdef extern from "decode/content_type.hpp" namespace "baseten" nogil:
    cdef enum class ContentType:
        not_said
        other
        msgpack
    ContentType content_type_of(const char *line, size_t length)
