# distutils: language = c++
"""Columns of strings that other libraries hand over by Arrow's PyCapsule protocol (pyarrow, polars, nanoarrow, ...).

The structs and layouts are those of https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html.

Owner: a Column owns the arrays that it was handed, and releases each once, when nothing refers to it any more; until then
their memory stays as it is, whatever becomes of the object that they are of.  A capsule keeps, and releases, the rest.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t
from libcpp.vector cimport vector

from baseten_perf.operations.arrow_body cimport Body, body_begin, body_end, body_put, body_put_string
from baseten_perf.operations.arrow_layout cimport Text, find, holds_strings, index_at, is_valid, validity
from baseten_perf.operations.filling cimport Filling, begins_another
from baseten_perf.responses.arrow cimport ArrowArray, ArrowArrayStream, ArrowSchema


cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)
    int PySlice_Unpack(object slice, Py_ssize_t *start, Py_ssize_t *end, Py_ssize_t *step) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t *start, Py_ssize_t *end, Py_ssize_t step)

cdef extern from "operations/utf8.hpp" namespace "baseten" nogil:
    Py_ssize_t characters_of(const char *text, size_t size)


cdef class Column


cdef class ArrowTexts:
    """Texts that stay where a column has them, in UTF-8: bodies are made of that, without a str.

    A sequence of str; a slice of it, of step 1, is another one over the same memory.
    """

    cdef Column owner               # of the memory
    cdef const Text *texts
    cdef Py_ssize_t count

    def __len__(self):
        return self.count

    def __getitem__(self, place):
        cdef Py_ssize_t start, end, step, i
        if isinstance(place, slice):
            PySlice_Unpack(place, &start, &end, &step)
            PySlice_AdjustIndices(self.count, &start, &end, step)
            if step != 1:
                raise ValueError("texts of a column are sliced with step 1")
            return over(self.owner, self.texts + start, max(end - start, 0))
        i = place
        if i < 0:
            i += self.count
        if not 0 <= i < self.count:
            raise IndexError(f"text {place} of {self.count}")
        return decoded(&self.texts[i])

    def __iter__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            yield decoded(&self.texts[i])

    def lengths(self) -> list:
        """Characters of each text."""
        return [self.texts[i].characters for i in range(self.count)]

    def longest(self) -> int:
        """Characters of the longest text; 0 without any."""
        cdef Py_ssize_t i
        cdef Py_ssize_t most = 0
        for i in range(self.count):
            most = max(most, self.texts[i].characters)
        return most

    def batch_starts(
        self, Py_ssize_t most_inputs, double most_characters, double most_tokens, double tokens_per_byte, count_tokens,
    ):
        """See `batch_starts` for lists."""
        cdef Py_ssize_t i
        cdef double tokens = 0
        cdef bint counts = most_tokens != INFINITY
        cdef Filling batch = Filling(most_inputs, most_characters, most_tokens, 0, 0, 0)
        from array import array

        starts = array("q", [0])
        for i in range(self.count):
            if counts:
                tokens = self.texts[i].size * tokens_per_byte if count_tokens is None else count_tokens(self[i])
            if begins_another(&batch, i, self.texts[i].characters, tokens):
                starts.append(i)
        return starts

    def body(self, before: bytes, after: bytes) -> bytes:
        """A JSON array of the texts between what comes before and after it."""
        cdef Body body
        cdef Py_ssize_t i
        cdef Py_ssize_t size = PyBytes_GET_SIZE(before) + PyBytes_GET_SIZE(after) + 2
        for i in range(self.count):
            size += self.texts[i].size + 3
        body_begin(&body, size)
        body_put(&body, PyBytes_AS_STRING(before), PyBytes_GET_SIZE(before))
        body_put(&body, b"[", 1)
        for i in range(self.count):
            if i > 0:
                body_put(&body, b",", 1)
            body_put_string(&body, self.texts[i].first, self.texts[i].size)
        body_put(&body, b"]", 1)
        body_put(&body, PyBytes_AS_STRING(after), PyBytes_GET_SIZE(after))
        return body_end(&body)


cdef ArrowTexts over(Column owner, const Text *texts, Py_ssize_t count):
    cdef ArrowTexts found = ArrowTexts.__new__(ArrowTexts)
    found.owner = owner
    found.texts = texts
    found.count = count
    return found


cdef object decoded(const Text *text):
    """As a str.  Raises UnicodeDecodeError for what is no UTF-8."""
    return PyUnicode_DecodeUTF8(text.first, text.size, NULL) if text.size > 0 else ""


cdef class Column:
    """Arrays of strings that were handed over, and where their texts are."""

    cdef vector[ArrowArray] arrays
    cdef vector[Text] texts

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.arrays.size()):
            if self.arrays[i].release != NULL:
                self.arrays[i].release(&self.arrays[i])

    cdef ArrowArray *add(self) except NULL:
        """A place for an array."""
        self.arrays.resize(self.arrays.size() + 1)
        return &self.arrays.back()

    cdef bint has_gap(self) noexcept:
        """Whether some element of arrays without a dictionary is null."""
        cdef size_t k
        cdef int64_t i
        cdef const uint8_t *valid
        for k in range(self.arrays.size()):
            valid = validity(&self.arrays[k])
            if valid != NULL:
                for i in range(self.arrays[k].offset, self.arrays[k].offset + self.arrays[k].length):
                    if not is_valid(valid, i):
                        return True
        return False

    cdef int locate(self, char layout, const ArrowArray *array) except -1:
        """Append where the texts of an array are.  Raises UnicodeDecodeError for one that is no UTF-8."""
        cdef int64_t i
        cdef Text text
        for i in range(array.offset, array.offset + array.length):
            find(&text, layout, array, i)
            text.characters = characters_of(text.first, text.size)
            if text.characters < 0:
                text.characters = len(decoded(&text))
            self.texts.push_back(text)
        return 0

    cdef object values(self, ArrowSchema *schema):
        """The elements, as `texts` gives them."""
        cdef size_t i
        cdef size_t count = 0
        cdef list values
        if schema.dictionary == NULL and schema.format[0] != b"n" and not self.has_gap():
            for i in range(self.arrays.size()):
                count += self.arrays[i].length
            self.texts.reserve(count)
            for i in range(self.arrays.size()):
                self.locate(schema.format[0], &self.arrays[i])
            return over(self, self.texts.data(), self.texts.size())
        # A gap is told by its place in a list; words of a dictionary are str that come again.
        values = []
        for i in range(self.arrays.size()):
            extend(values, schema, &self.arrays[i])
        return values


cdef int extend(list values, ArrowSchema *schema, ArrowArray *array) except -1:
    """Append the elements, as str and None."""
    cdef list words = None
    cdef int64_t i, word
    cdef Text text
    cdef const uint8_t *valid = validity(array)
    cdef bint nothing = schema.dictionary == NULL and schema.format[0] == b"n"
    if schema.dictionary != NULL:
        words = []
        extend(words, schema.dictionary, array.dictionary)
    for i in range(array.offset, array.offset + array.length):
        if nothing or not is_valid(valid, i):
            values.append(None)
        elif words is None:
            find(&text, schema.format[0], array, i)
            values.append(decoded(&text))
        else:
            word = index_at(schema.format[0], array.buffers[1], i)
            if not 0 <= word < len(words):
                raise ValueError(f"the Arrow column refers to word {word} of a dictionary of {len(words)}")
            values.append(words[word])
    return 0


def texts(column) -> "ArrowTexts | list | None":
    """The elements of a column: str, and None for nulls.  None when the column does not hold strings.

    Parameters:
        column: has `__arrow_c_stream__` or `__arrow_c_array__`.

    Raises ValueError when it cannot be read, UnicodeDecodeError for a text that is no UTF-8, and whatever its library
    raises.
    """
    cdef ArrowSchema *schema
    cdef ArrowArray *array
    cdef Column memory = Column()
    if hasattr(column, "__arrow_c_stream__"):
        capsule = column.__arrow_c_stream__()
        return of_stream(memory, <ArrowArrayStream *>PyCapsule_GetPointer(capsule, b"arrow_array_stream"))
    of_schema, of_array = column.__arrow_c_array__()
    schema = <ArrowSchema *>PyCapsule_GetPointer(of_schema, b"arrow_schema")
    if not holds_strings(schema):
        return None
    array = <ArrowArray *>PyCapsule_GetPointer(of_array, b"arrow_array")
    memory.add()[0] = array[0]
    array.release = NULL                # moved
    return memory.values(schema)


cdef object of_stream(Column memory, ArrowArrayStream *stream):
    cdef ArrowSchema schema
    cdef ArrowArray *array
    cdef int error
    check(stream, stream.get_schema(stream, &schema))
    try:
        if not holds_strings(&schema):
            return None
        while True:
            array = memory.add()
            error = stream.get_next(stream, array)
            if error != 0 or array.release == NULL:
                memory.arrays.pop_back()
                check(stream, error)
                return memory.values(&schema)   # the end of the stream
    finally:
        schema.release(&schema)


cdef int check(ArrowArrayStream *stream, int error) except -1:
    cdef const char *words
    if error != 0:
        words = stream.get_last_error(stream)
        reason = words.decode("utf-8", "replace") if words != NULL else f"error {error}"
        raise ValueError(f"the Arrow stream cannot be read: {reason}")
    return 0
