# distutils: language = c++
"""The skeletons of embeddings answers, recognised when they look as they nearly always do."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.unicode cimport PyUnicode_DecodeASCII


cdef extern from "operations/skeleton.hpp" namespace "baseten":
    cppclass JsonString:
        const char *first
        size_t size()
    cppclass Skeleton:
        bint base64
        bint has_model
        bint has_object
        JsonString model
        JsonString object
        Py_ssize_t prompt_tokens
        Py_ssize_t total_tokens
        const char *read(const char *p, const char *last, Py_ssize_t count)


def read_usual(body, Py_ssize_t count) -> tuple | None:
    """What a JSON skeleton of the usual form says, of an answer with one vector for each of `count` inputs, in order.

    A Skeleton (skeleton.py), or None for one that the general JSON reader must look at.
    """
    cdef Py_buffer view
    cdef Skeleton skeleton
    PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
    try:
        if skeleton.read(<const char *>view.buf, <const char *>view.buf + view.len, count) == NULL:
            return None
        return (
            2 if skeleton.base64 else 1,
            None, None, None,
            PyUnicode_DecodeASCII(skeleton.model.first, skeleton.model.size(), NULL) if skeleton.has_model else None,
            PyUnicode_DecodeASCII(skeleton.object.first, skeleton.object.size(), NULL) if skeleton.has_object else None,
            skeleton.prompt_tokens,
            skeleton.total_tokens,
        )
    finally:
        PyBuffer_Release(&view)


def regular_form(items: list) -> int:
    """In which form the vectors of regular items came: 1 for arrays of numbers, 2 for base64, 0 for any other items.

    Regular are items that are in order and whole: item k has the placeholder of vector k (k itself for an array of
    numbers, -1 - k for base64: see decode/sink.hpp), the `index` k or none, and "embedding" as its `object` or none.
    All are of one form, and an `index` is in all or in none.
    """
    cdef Py_ssize_t k, count = len(items)
    cdef dict item
    cdef object placeholder, index, name
    cdef bint base64, indexed
    if count == 0 or type(items[0]) is not dict:
        return 0
    placeholder = (<dict>items[0]).get("embedding")
    base64 = type(placeholder) is int and placeholder == -1
    indexed = (<dict>items[0]).get("index") is not None
    for k in range(count):
        if type(items[k]) is not dict:
            return 0
        item = <dict>items[k]
        placeholder = item.get("embedding")
        if type(placeholder) is not int or placeholder != (-1 - k if base64 else k):
            return 0
        index = item.get("index")
        if indexed:
            if type(index) is not int or index != k:
                return 0
        elif index is not None:
            return 0
        name = item.get("object")
        if name is not None and name != "embedding":
            return 0
    return 2 if base64 else 1
