# A body as it is written: one object, which is cut to its size at the end, and grows only for many escapes.

from cpython.ref cimport Py_DECREF, PyObject
from libc.string cimport memcpy


cdef extern from "Python.h":
    PyObject *PyBytes_FromStringAndSize(const char *text, Py_ssize_t size) except NULL
    char *first_of "PyBytes_AS_STRING" (PyObject *bytes)
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1

cdef extern from "operations/json_string.hpp" namespace "baseten" nogil:
    cdef struct JsonOutput:
        char *at
        size_t spare
    const char *put_inside(JsonOutput *output, const char *p, const char *last)


cdef struct Body:
    PyObject *bytes                 # the one reference to it, or it could not be resized
    Py_ssize_t size                 # of it
    JsonOutput output               # in there; all that is to be put has its room, but for escapes

cdef enum:
    ESCAPES_SHARE = 16              # prose has an escape for some 50 characters
    LEAST_SPARE = 64


cdef inline int body_begin(Body *body, Py_ssize_t size) except -1:
    """Make room for all that will be put, which has this size without its escapes."""
    cdef Py_ssize_t spare = size // ESCAPES_SHARE + LEAST_SPARE
    body.size = size + spare
    body.bytes = PyBytes_FromStringAndSize(NULL, body.size)
    body.output = JsonOutput(first_of(body.bytes), spare)
    return 0


cdef inline void body_put(Body *body, const char *text, Py_ssize_t size) noexcept:
    memcpy(body.output.at, text, size)
    body.output.at += size


cdef inline int body_put_string(Body *body, const char *text, Py_ssize_t size) except -1:
    cdef const char *last = text + size
    body_put(body, b'"', 1)
    while text < last:
        text = put_inside(&body.output, text, last)
        if text < last:
            body_grow(body)
    body_put(body, b'"', 1)
    return 0


cdef inline int body_grow(Body *body) except -1:
    """More room for escapes.  On MemoryError the object is gone."""
    cdef Py_ssize_t written = body.output.at - first_of(body.bytes)
    cdef Py_ssize_t more = body.size // 2
    body.size += more
    _PyBytes_Resize(&body.bytes, body.size)
    body.output = JsonOutput(first_of(body.bytes) + written, body.output.spare + more)
    return 0


cdef inline bytes body_end(Body *body):
    _PyBytes_Resize(&body.bytes, body.output.at - first_of(body.bytes))
    whole = <bytes>body.bytes
    Py_DECREF(whole)                # `whole` has it now
    return whole
