# The layouts that Arrow has for strings: where an array has its texts, its gaps, and the numbers of its words.

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport strcmp, strlen

from baseten_perf.responses.arrow cimport ArrowArray, ArrowSchema


cdef struct Text:
    const char *first
    Py_ssize_t size                 # in bytes
    Py_ssize_t characters           # once they are counted

# An element of an array of views: the text itself when it is short, else where it is.
cdef struct View:
    int32_t size
    char prefix[4]
    int32_t buffer
    int32_t offset

cdef enum:
    INLINE_BYTES = 12


cdef inline bint holds_strings(ArrowSchema *schema) noexcept:
    """Strings with offsets of 32 or 64 bits, views, nothing but nulls; or any of these by way of a dictionary."""
    if schema.dictionary != NULL:
        return strlen(schema.format) == 1 and schema.format[0] in b"cCsSiIlL" and holds_strings(schema.dictionary)
    return (strcmp(schema.format, b"u") == 0 or strcmp(schema.format, b"U") == 0
            or strcmp(schema.format, b"vu") == 0 or strcmp(schema.format, b"n") == 0)


cdef inline const uint8_t *validity(const ArrowArray *array) noexcept:
    """A bit for each element, unless all are valid."""
    return <const uint8_t *>array.buffers[0] if array.n_buffers > 0 else NULL


cdef inline bint is_valid(const uint8_t *valid, int64_t i) noexcept:
    return valid == NULL or (valid[i >> 3] >> (i & 7)) & 1


cdef inline int find(Text *text, char layout, const ArrowArray *array, int64_t i) except -1:
    """Where text `i` is."""
    cdef const View *view
    cdef int64_t start, end
    if layout == b"v":
        view = &(<const View *>array.buffers[1])[i]
        text.size = view.size
        if view.size <= INLINE_BYTES:
            text.first = <const char *>view.prefix
        else:
            text.first = <const char *>array.buffers[2 + view.buffer] + view.offset
    else:
        if layout == b"u":
            start, end = (<const int32_t *>array.buffers[1])[i], (<const int32_t *>array.buffers[1])[i + 1]
        else:
            start, end = (<const int64_t *>array.buffers[1])[i], (<const int64_t *>array.buffers[1])[i + 1]
        text.first = <const char *>array.buffers[2] + start
        text.size = end - start
    if text.size < 0:
        raise ValueError("the Arrow column has a text of negative length")
    return 0


cdef inline int64_t index_at(char kind, const void *indices, int64_t i) noexcept:
    if kind == b"c":
        return (<const int8_t *>indices)[i]
    if kind == b"C":
        return (<const uint8_t *>indices)[i]
    if kind == b"s":
        return (<const int16_t *>indices)[i]
    if kind == b"S":
        return (<const uint16_t *>indices)[i]
    if kind == b"i":
        return (<const int32_t *>indices)[i]
    if kind == b"I":
        return (<const uint32_t *>indices)[i]
    if kind == b"l":
        return (<const int64_t *>indices)[i]
    return <int64_t>(<const uint64_t *>indices)[i]
