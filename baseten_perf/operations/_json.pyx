# distutils: language = c++
"""What is done with the JSON of every body, and compiled for that reason: written, or given to orjson to be read."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.exc cimport PyErr_Clear
from cpython.mem cimport PyMem_Free
from cpython.ref cimport PyObject
from libc.string cimport strchr, strlen

from baseten_perf.decode.json cimport has_long_integer


cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    const void *PyUnicode_DATA(object text)
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size)
    char *PyOS_double_to_string(double number, char format, int precision, int flags, int *kind) except NULL
    int Py_DTSF_ADD_DOT_0

cdef extern from "<cmath>" namespace "std" nogil:
    bint isfinite(double number)

cdef extern from "operations/small_json.hpp" namespace "baseten" nogil:
    cdef cppclass SmallJson:
        bint put(const char *text, size_t size)
        bint put(char c)
        bint put_integer(long long number)
        bint put_string(const char *text, size_t size)
        bint takes_float()
        const char *data()
        size_t size()

cdef extern from * nogil:
    """
    #include <sys/mman.h>

    // Whether the system would give this much memory; asks without using it.
    static inline bool memory_is_left(size_t size) {
        void *pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return pages != MAP_FAILED && munmap(pages, size) == 0;
    }
    """
    bint memory_is_left(size_t size)

cdef enum:
    # Bytes from which a body may need more memory than is left under a limit.  A smaller one is read in so little time
    # that asking would be felt.
    LARGE_BODY = 131072
    # What orjson needs for each byte of a body, at most: 12 to read it and, when it is full of empty objects or of small
    # ones, 30 to 40 for what they become.
    MEMORY_PER_BYTE = 64
    # In a list or dict of a small body.
    MOST_ITEMS = 64


cpdef bint orjson_may_read(body) except -1:
    """Whether orjson gives of a JSON body what Python's json gives, if it reads it at all.

    It makes floats of integers beyond 64 bits; and where memory runs out, it ends the process instead of raising
    MemoryError.
    """
    cdef Py_buffer view
    PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
    cdef size_t size = view.len
    cdef bint may = not has_long_integer(<const char *>view.buf, size) and (
        size < LARGE_BODY or memory_is_left(size * MEMORY_PER_BYTE)
    )
    PyBuffer_Release(&view)
    return may


# Each tells whether it could write the value; of more items the text would rather not fit.  No Python code runs meanwhile
# that could change one.

cdef bint write(SmallJson *json, object value, int room) except -1:
    cdef int overflow = 0
    cdef long long number
    kind = type(value)
    if kind is str:
        return write_string(json, value)
    if kind is int:
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        return not overflow and json.put_integer(number)
    if value is None:
        return json.put(b"null", 4)
    if kind is bool:
        return json.put(b"true", 4) if value else json.put(b"false", 5)
    if kind is float:
        return write_float(json, value)
    # The recursion ends with `room`, far within the C stack, also for a value that holds itself.
    if room == 0:
        return False
    if kind is dict:
        return write_object(json, value, room - 1)
    if kind is list:
        return write_list(json, <list>value, room - 1)
    return kind is tuple and write_list(json, list(<tuple>value), room - 1)


cdef bint write_string(SmallJson *json, object value) except -1:
    cdef Py_ssize_t size = 0
    cdef const char *text
    if PyUnicode_IS_ASCII(value):
        return json.put_string(<const char *>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
    text = PyUnicode_AsUTF8AndSize(value, &size)
    if text == NULL:
        PyErr_Clear()  # a lone surrogate
        return False
    return json.put_string(text, size)


cdef bint write_float(SmallJson *json, double number) except -1:
    if not isfinite(number) or not json.takes_float():
        return False
    cdef char *text = PyOS_double_to_string(number, b"r", 0, Py_DTSF_ADD_DOT_0, NULL)
    # Exponents are orjson's, which spells them otherwise: bodies are the same whoever writes them.
    cdef bint written = strchr(text, b"e") == NULL and json.put(text, strlen(text))
    PyMem_Free(text)
    return written


cdef bint write_list(SmallJson *json, list values, int room) except -1:
    if len(values) > MOST_ITEMS:
        return False
    cdef char before = b"["
    for value in values:
        if not json.put(before) or not write(json, value, room):
            return False
        before = b","
    return (before == b"," or json.put(before)) and json.put(<char>b"]")


cdef bint write_object(SmallJson *json, object members, int room) except -1:
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t place = 0
    if len(<dict>members) > MOST_ITEMS:
        return False
    cdef char before = b"{"
    while PyDict_Next(members, &place, &key, &value):
        if type(<object>key) is not str or not json.put(before) or not write_string(json, <object>key):
            return False
        if not json.put(<char>b":") or not write(json, <object>value, room):
            return False
        before = b","
    return (before == b"," or json.put(before)) and json.put(<char>b"}")


cpdef bytes small_json(value, int levels):
    """A value as compact JSON in UTF-8, if it is plain and that is at most 1 KB; None for all else.

    Plain are str without lone surrogates, int of 64 bits, bool, None, a few floats without exponent; and lists, tuples,
    and dicts with keys of str, nested no deeper than so many levels (1 to 1000). Subclasses are not.
    """
    return small_body(b"", value, b"", levels)


cpdef bytes small_body(bytes before, value, bytes after, int levels):
    """The same between `before` and `after`, if all of it is at most 1 KB."""
    cdef SmallJson json
    if not json.put(PyBytes_AS_STRING(before), PyBytes_GET_SIZE(before)) or not write(&json, value, levels):
        return None
    if not json.put(PyBytes_AS_STRING(after), PyBytes_GET_SIZE(after)):
        return None
    return PyBytes_FromStringAndSize(json.data(), json.size())
