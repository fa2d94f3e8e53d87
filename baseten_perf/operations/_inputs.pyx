"""What is done with every single payload, text and batch of a stream, and compiled for that reason."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport INFINITY
from libc.string cimport memchr, memcpy

from baseten_perf.operations.filling cimport Filling, begins_another


cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    int PyUnicode_KIND(object text)
    const void *PyUnicode_DATA(object text)
    Py_UCS4 PyUnicode_READ(int kind, const void *data, Py_ssize_t index)
    int PyErr_CheckSignals() except -1


cdef extern from "<cmath>" namespace "std" nogil:
    bint isfinite(double number)


# Payloads or answers that compiled code handles before it gives way; the largest take milliseconds each.
AT_ONCE = 16


def give_way() -> None:
    """Let other threads and signal handlers run, as the interpreter does by itself.  Raises what a handler raises."""
    with nogil:
        pass
    PyErr_CheckSignals()


# What nature_of finds, the worst of all.
PLAIN, IRREGULAR, DEEP = range(3)


cdef int nature(object value, int room) except -1:
    # The recursion ends with `room`, far within the C stack, also for a value that holds itself.
    cdef int worst = 0
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bool:
        return 0
    if kind is float:
        return 0 if isfinite(<double>value) else 1
    if kind is not dict and kind is not list and kind is not tuple:
        return 1
    if room == 0:
        return 2
    if kind is dict:
        for inner in (<dict>value).values():
            worst = max(worst, nature(inner, room - 1))
            if worst == 2:
                break
    elif kind is list:
        for inner in <list>value:
            worst = max(worst, nature(inner, room - 1))
            if worst == 2:
                break
    else:
        for inner in <tuple>value:
            worst = max(worst, nature(inner, room - 1))
            if worst == 2:
                break
    return worst


def nature_of(value, limit: int) -> int:
    """Of what kind a payload is.

    DEEP when plain dicts, lists and tuples are nested more than `limit` (1 to 1000) levels deep; else IRREGULAR when it
    holds a float that is not finite, or an instance of any other class than these, str, int, float, bool and None's.
    """
    return nature(value, limit)


def holds_instance(list values not None, kind: type) -> bool:
    """Whether some of the values are of this very class."""
    for value in values:
        if type(value) is kind:
            return True
    return False


cdef inline bint has_surrogate(str text) noexcept:
    cdef int kind = PyUnicode_KIND(text)
    cdef const void *data = PyUnicode_DATA(text)
    cdef Py_ssize_t i
    if kind == 1:
        return False
    for i in range(PyUnicode_GET_LENGTH(text)):
        if 0xD800 <= PyUnicode_READ(kind, data, i) <= 0xDFFF:
            return True
    return False


def are_plain(texts) -> bool:
    """Whether all of a list are str, of that very class, that UTF-8 can carry: without lone surrogates.

    ArrowTexts always are.
    """
    if type(texts) is not list:
        return True
    for text in <list>texts:
        if type(text) is not str or has_surrogate(<str>text):
            return False
    return True


cdef inline const char *behind_string(const char *p, const char *last) noexcept:
    # The text is ours: every string ends, and a quote in it has a backslash before it, as a backslash has.
    cdef const char *q
    while True:
        p = <const char *>memchr(p + 1, c'"', last - p - 1)
        q = p
        while (q - 1)[0] == c'\\':
            q -= 1
        if (p - q) % 2 == 0:
            return p + 1


def each_in_an_array(body: bytes, Py_ssize_t start, Py_ssize_t count) -> bytes:
    """A body whose JSON array at `start`, of so many strings without white space, has an array around each string."""
    cdef const char *p = PyBytes_AS_STRING(body)
    cdef const char *last = p + len(body)
    cdef const char *behind
    cdef bytes nested = PyBytes_FromStringAndSize(NULL, len(body) + 2 * count)
    cdef char *out = PyBytes_AS_STRING(nested)
    memcpy(out, p, start)
    out += start
    p += start
    for _ in range(count):
        out[0] = p[0]                       # [ or ,
        out[1] = c'['
        behind = behind_string(p + 1, last)
        memcpy(out + 2, p + 1, behind - p - 1)
        out += behind - p + 1
        out[0] = c']'
        out += 1
        p = behind
    memcpy(out, p, last - p)
    return nested


def copy_attributes(target, source, names: tuple) -> None:
    """Set these attributes of `target` to those of `source`."""
    for name in names:
        setattr(target, name, getattr(source, name))


cdef inline Py_ssize_t utf8_size(str text) noexcept:
    """Bytes of a text in UTF-8, without encoding it."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    cdef Py_ssize_t size = length
    cdef Py_ssize_t i
    cdef int kind
    cdef const void *data
    cdef Py_UCS4 character
    if PyUnicode_IS_ASCII(text):
        return length
    kind = PyUnicode_KIND(text)
    data = PyUnicode_DATA(text)
    for i in range(length):
        character = PyUnicode_READ(kind, data, i)
        size += (character >= 0x80) + (character >= 0x800) + (character >= 0x10000)
    return size


def utf8_length(str text not None) -> int:
    """Bytes of a text in UTF-8."""
    return utf8_size(text)


def longest(inputs) -> int:
    """The length of the longest text, or list of token ids."""
    cdef Py_ssize_t most = 0
    if type(inputs) is not list:
        return inputs.longest()
    for each in <list>inputs:
        most = max(most, PyUnicode_GET_LENGTH(each) if type(each) is str else len(each))
    return most


def batch_starts(
    inputs, Py_ssize_t most_inputs, double most_characters, double most_tokens, double tokens_per_byte, count_tokens,
):
    """Number of the first input of each batch: a batch is closed when one more input would exceed a limit.

    An input that is beyond a limit by itself goes alone.

    Parameters:
        inputs: texts, or lists of token ids, which count as characters too.
        tokens_per_byte: how many tokens a byte of UTF-8 is.
        count_tokens: gives the tokens of a text instead, unless it is None.

    Raises what `count_tokens` raises.
    """
    cdef Py_ssize_t number
    cdef Py_ssize_t length
    cdef double count = 0
    cdef bint counts = most_tokens != INFINITY
    cdef Filling batch = Filling(most_inputs, most_characters, most_tokens, 0, 0, 0)
    if type(inputs) is not list:
        return inputs.batch_starts(most_inputs, most_characters, most_tokens, tokens_per_byte, count_tokens)
    from array import array         # a file of its own, for those who need it

    starts = array("q", [0])
    for number in range(len(<list>inputs)):
        each = (<list>inputs)[number]
        if type(each) is str:
            length = PyUnicode_GET_LENGTH(each)
            if counts:
                count = utf8_size(<str>each) * tokens_per_byte if count_tokens is None else count_tokens(each)
        else:
            length = len(each)
            count = length
        if begins_another(&batch, number, length, count):
            starts.append(number)
    return starts
