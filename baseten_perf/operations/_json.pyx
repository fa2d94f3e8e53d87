# distutils: language = c++
"""Whether the quick JSON reader, orjson, may read a body: asked of every one, and compiled for that reason."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

from baseten_perf.decode.json cimport has_long_integer


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


def orjson_may_read(body) -> bool:
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
