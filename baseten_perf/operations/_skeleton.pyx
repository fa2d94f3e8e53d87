"""The items of an embeddings answer's skeleton, recognised when they look as they nearly always do."""


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
