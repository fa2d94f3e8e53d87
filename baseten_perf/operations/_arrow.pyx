"""Columns of strings that other libraries hand over by Arrow's PyCapsule protocol (pyarrow, polars, nanoarrow, ...).

The structs and layouts are those of https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html.

Owner: a capsule owns what it holds and releases it itself; schemas and arrays that a stream fills are released here.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport strcmp, strlen

from baseten_perf.responses.arrow cimport ArrowArray, ArrowArrayStream, ArrowSchema


cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)


# An element of a column of views: the text itself when it is short, else where it is.
cdef struct View:
    int32_t size
    char prefix[4]
    int32_t buffer
    int32_t offset

cdef enum:
    INLINE_BYTES = 12


def strings(column) -> list | None:
    """The elements of a column: str, and None for nulls.  None when the column does not hold strings.

    Parameters:
        column: has `__arrow_c_stream__` or `__arrow_c_array__`.

    Raises ValueError when it cannot be read, and whatever its library raises.
    """
    cdef ArrowSchema *schema
    cdef list values = []
    if hasattr(column, "__arrow_c_stream__"):
        capsule = column.__arrow_c_stream__()
        return of_stream(<ArrowArrayStream *>PyCapsule_GetPointer(capsule, b"arrow_array_stream"))
    of_schema, of_array = column.__arrow_c_array__()
    schema = <ArrowSchema *>PyCapsule_GetPointer(of_schema, b"arrow_schema")
    if not holds_strings(schema):
        return None
    extend(values, schema, <ArrowArray *>PyCapsule_GetPointer(of_array, b"arrow_array"))
    return values


cdef list of_stream(ArrowArrayStream *stream):
    cdef ArrowSchema schema
    cdef ArrowArray array
    cdef list values = []
    check(stream, stream.get_schema(stream, &schema))
    try:
        if not holds_strings(&schema):
            return None
        while True:
            check(stream, stream.get_next(stream, &array))
            if array.release == NULL:
                return values       # the end of the stream
            try:
                extend(values, &schema, &array)
            finally:
                array.release(&array)
    finally:
        schema.release(&schema)


cdef int check(ArrowArrayStream *stream, int error) except -1:
    cdef const char *words
    if error != 0:
        words = stream.get_last_error(stream)
        reason = words.decode("utf-8", "replace") if words != NULL else f"error {error}"
        raise ValueError(f"the Arrow stream cannot be read: {reason}")
    return 0


cdef bint holds_strings(ArrowSchema *schema) noexcept:
    """Strings with offsets of 32 or 64 bits, views, nothing but nulls; or any of these by way of a dictionary."""
    if schema.dictionary != NULL:
        return strlen(schema.format) == 1 and schema.format[0] in b"cCsSiIlL" and holds_strings(schema.dictionary)
    return (strcmp(schema.format, b"u") == 0 or strcmp(schema.format, b"U") == 0
            or strcmp(schema.format, b"vu") == 0 or strcmp(schema.format, b"n") == 0)


cdef int extend(list values, ArrowSchema *schema, ArrowArray *array) except -1:
    cdef list words = None
    cdef const uint8_t *valid = NULL
    cdef int64_t i, word
    cdef bint nothing = schema.dictionary == NULL and schema.format[0] == b"n"
    if array.n_buffers > 0:
        valid = <const uint8_t *>array.buffers[0]
    if schema.dictionary != NULL:
        words = []
        extend(words, schema.dictionary, array.dictionary)
    for i in range(array.offset, array.offset + array.length):
        if nothing or (valid != NULL and not (valid[i >> 3] >> (i & 7)) & 1):
            values.append(None)
        elif words is None:
            values.append(text_at(schema.format[0], array, i))
        else:
            word = index_at(schema.format[0], array.buffers[1], i)
            if not 0 <= word < len(words):
                raise ValueError(f"the Arrow column refers to word {word} of a dictionary of {len(words)}")
            values.append(words[word])
    return 0


cdef str text_at(char layout, ArrowArray *array, int64_t i):
    cdef const View *view
    cdef int64_t start, end
    if layout == b"v":
        view = &(<const View *>array.buffers[1])[i]
        if view.size <= INLINE_BYTES:
            return decoded(view.prefix, view.size)
        return decoded(<const char *>array.buffers[2 + view.buffer] + view.offset, view.size)
    if layout == b"u":
        start, end = (<const int32_t *>array.buffers[1])[i], (<const int32_t *>array.buffers[1])[i + 1]
    else:
        start, end = (<const int64_t *>array.buffers[1])[i], (<const int64_t *>array.buffers[1])[i + 1]
    return decoded(<const char *>array.buffers[2] + start, end - start)


cdef inline str decoded(const char *text, int64_t size):
    if size < 0:
        raise ValueError("the Arrow column has a text of negative length")
    return PyUnicode_DecodeUTF8(text, size, NULL) if size > 0 else ""


cdef int64_t index_at(char kind, const void *indices, int64_t i) noexcept:
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
