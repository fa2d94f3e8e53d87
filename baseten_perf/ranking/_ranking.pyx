# distutils: language = c++
"""Answers of rerank and classify: how their results are stored, and their JSON read straight into results."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject, PyTypeObject
from cpython.unicode cimport PyUnicode_AsUTF8


cdef extern from "ranking/answers.hpp" namespace "baseten":
    cppclass Labels:
        pass
    object new_record_type(const char **names, int count)
    bint is_record_type(PyTypeObject *kind)
    PyObject *scored_texts(const char *p, const char *last, PyTypeObject *kind, Py_ssize_t start, Py_ssize_t count)
    PyObject *scored_documents(const char *p, const char *last, PyTypeObject *kind, PyObject *texts, Py_ssize_t start,
                               Py_ssize_t count, Py_ssize_t most)
    PyObject *scored_labels(const char *p, const char *last, PyTypeObject *kind, Py_ssize_t count, Labels &labels)
    object or_none(PyObject *results)


cdef dict kept_names = {}           # of the fields of record types: their descriptors point into these


def record(cls):
    """Class decorator: the same class with its annotated names, three at most, as the fields of records (record.hpp).

    As `dataclass(slots=True)` does, it makes a class anew.  Bases are lost, and `super()` cannot be used in its methods.
    Raises TypeError for more names.
    """
    cdef const char *names[3]
    cdef int count = 0
    if len(cls.__annotations__) > 3:
        raise TypeError(f"{cls.__name__}: a record has at most three fields")
    for name in cls.__annotations__:
        names[count] = PyUnicode_AsUTF8(kept_names.setdefault(name, name))
        count += 1
    made = new_record_type(names, count)
    for name, value in vars(cls).items():
        if name not in ("__dict__", "__weakref__"):
            setattr(made, name, value)
    made.__name__ = cls.__name__
    made.__qualname__ = cls.__qualname__
    return made


cdef int check_kind(type kind) except -1:
    if not is_record_type(<PyTypeObject *>kind):
        raise TypeError(f"{kind.__name__} is not a class that was made by record()")
    return 0


def read_scored_texts(body, type kind not None, Py_ssize_t start, Py_ssize_t count):
    """The results in a rerank answer for `count` texts, of which the first has number `start`.

    `kind` is the record class of the results, of index, score and text.  None when the answer is out of the ordinary
    or wrong.
    """
    cdef Py_buffer view
    check_kind(kind)
    if count < 1:
        return None
    PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
    try:
        return or_none(scored_texts(<const char *>view.buf, <const char *>view.buf + view.len, <PyTypeObject *>kind,
                                    start, count))
    finally:
        PyBuffer_Release(&view)


def read_scored_documents(body, type kind not None, list texts, Py_ssize_t start, Py_ssize_t count, Py_ssize_t most):
    """The same of an answer in Cohere's form, with the results of all texts or of `most`.

    `texts` are all that the caller has, for results that come without theirs; None when no text is wanted.
    """
    cdef Py_buffer view
    check_kind(kind)
    if count < 1 or start < 0 or (texts is not None and len(texts) - start < count):
        return None
    PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
    try:
        return or_none(scored_documents(<const char *>view.buf, <const char *>view.buf + view.len, <PyTypeObject *>kind,
                                        <PyObject *>texts, start, count, most))
    finally:
        PyBuffer_Release(&view)


cdef class LabelReader:
    """Reads classify answers, of text-embeddings-inference or Infinity; a label that comes again is the same str.

    `kind` is the record class of the results, of label and score.
    """

    cdef Labels labels
    cdef type kind

    def __cinit__(self, type kind not None):
        check_kind(kind)
        self.kind = kind

    def read(self, body, Py_ssize_t count):
        """One list of results for each of `count` texts.  None when the answer is out of the ordinary or wrong."""
        cdef Py_buffer view
        if count < 1:
            return None
        PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
        try:
            return or_none(scored_labels(<const char *>view.buf, <const char *>view.buf + view.len,
                                         <PyTypeObject *>self.kind, count, self.labels))
        finally:
            PyBuffer_Release(&view)
