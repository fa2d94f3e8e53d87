"""What is asked of every single payload and text, and compiled for that reason."""

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)


cdef bint _exceeds(object value, int room):
    # The recursion ends with `room`, far within the C stack, also for a value that holds itself.
    kind = type(value)
    if kind is not tuple and kind is not list and kind is not dict:
        return False
    if room == 0:
        return True
    if kind is dict:
        for inner in (<dict>value).values():
            if _exceeds(inner, room - 1):
                return True
    elif kind is list:
        for inner in <list>value:
            if _exceeds(inner, room - 1):
                return True
    else:
        for inner in <tuple>value:
            if _exceeds(inner, room - 1):
                return True
    return False


def deeper_than(value, limit: int) -> bool:
    """Whether plain dicts, lists and tuples are nested in `value` more than `limit` (1 to 1000) levels deep."""
    return _exceeds(value, limit)


def all_ascii(list texts not None) -> bool | None:
    """Whether all these str are ASCII; None when there is something else among them, a subclass of str included."""
    cdef bint ascii = True
    for text in texts:
        if type(text) is not str:
            return None
        ascii = ascii and PyUnicode_IS_ASCII(text)
    return ascii
