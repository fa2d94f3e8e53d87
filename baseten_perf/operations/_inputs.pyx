"""What is done with every single payload, text and batch of a stream, and compiled for that reason."""

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)


cdef extern from "<cmath>" namespace "std" nogil:
    bint isfinite(double number)

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


def all_ascii(list texts not None) -> bool | None:
    """Whether all these str are ASCII; None when there is something else among them, a subclass of str included."""
    cdef bint ascii = True
    for text in texts:
        if type(text) is not str:
            return None
        ascii = ascii and PyUnicode_IS_ASCII(text)
    return ascii


def copy_attributes(target, source, names: tuple) -> None:
    """Set these attributes of `target` to those of `source`."""
    for name in names:
        setattr(target, name, getattr(source, name))
