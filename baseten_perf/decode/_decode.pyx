# distutils: language = c++
"""The reader of embeddings answers on its own: for tests of the decoder at any chunking."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdlib cimport free


cdef extern from "decode/content_type.hpp" namespace "baseten" nogil:
    cdef enum class ContentType:
        not_said
        other
        msgpack
    ContentType content_type_of(const char *line, size_t length)


cdef extern from "decode/kernels/kernel.hpp" namespace "baseten" nogil:
    cppclass Kernel:
        const char *name
        bint supported()
    const Kernel kernels[1]
    const size_t kernel_count
    const Kernel *kernel_in_use "baseten::kernel"
    bint choose_kernel(const char *name)
    const char *wanted_kernel()

cdef extern from "decode/reader.hpp" namespace "baseten" nogil:
    cdef enum class Claim:
        granted
        dimension_differs
        no_memory
    cppclass Bytes:
        char *data
        size_t size
    cppclass NativeVectors "baseten::Vectors":
        bint direct()
        size_t count()
        void take(float **values, size_t **ends)
    cppclass AnswerReader:
        NativeVectors vectors
        Bytes skeleton
        char *failure
        void start(size_t most, void *owner, Claim (*claim)(void *, size_t, float **) noexcept nogil, bint apart)
        void choose(bint msgpack)
        void feed(const char *text, size_t size)
        void finish()


# As in the engine, one reader reads answer after answer; `pieces` may be the result of reading others meanwhile.
cdef AnswerReader *idle_reader = NULL


cdef Claim no_matrix(void *owner, size_t dimension, float **rows) noexcept nogil:
    return Claim.dimension_differs


# Memory of the caller's, taken for a matrix.
cdef struct Rows:
    float *floats
    size_t size
    size_t count                    # rows that it must have
    size_t dimension


cdef Claim claim_rows(void *owner, size_t dimension, float **rows) noexcept nogil:
    cdef Rows *matrix = <Rows *>owner
    if dimension * matrix.count > matrix.size:
        return Claim.dimension_differs
    matrix.dimension = dimension
    rows[0] = matrix.floats
    return Claim.granted


def supported_kernels() -> tuple:
    """Names of the kernels that this machine supports, the best first."""
    return tuple([kernels[k].name.decode() for k in range(kernel_count) if kernels[k].supported()])


def kernel() -> str:
    """Name of the kernel that this module's readers use."""
    return kernel_in_use.name.decode()


def use_kernel(name: str) -> None:
    """Make this module's readers use a kernel by name, or the best one for ""; ValueError when there is no such one."""
    if not choose_kernel(name.encode()):
        raise ValueError(f"{name}: this machine supports the kernels {', '.join(supported_kernels())}")


if not choose_kernel(wanted_kernel()):
    raise ImportError(
        f"BASETEN_PERF_KERNEL={wanted_kernel().decode(errors='replace')}: this machine supports no kernel of that name"
    )


def says_msgpack(line: bytes) -> bool | None:
    """Whether a header line says that the body is MessagePack; None for a line that says nothing of the body's type."""
    cdef ContentType said = content_type_of(line, len(line))
    return None if said == ContentType.not_said else said == ContentType.msgpack


cdef int feed(AnswerReader *reader, pieces, bint msgpack) except -1:
    """Have a started reader read all pieces, which may be any buffers; ValueError with the reader's words."""
    cdef Py_buffer view
    reader.choose(msgpack)
    for piece in pieces:
        PyObject_GetBuffer(piece, &view, PyBUF_SIMPLE)
        reader.feed(<const char *>view.buf, view.len)
        PyBuffer_Release(&view)
    reader.finish()
    if reader.failure[0] != 0:
        raise ValueError(reader.failure.decode())
    return 0


def read_rows(pieces, rows, most: int, msgpack: bool = False, repeats: int = 1) -> tuple[int, int]:
    """Read an answer of equally long vectors into `rows`, a writable buffer of float32, as the engine fills a matrix.

    `most` vectors must fit there.  Reads `repeats` times, for measurements: `pieces` must then be a list.  Returns
    (vectors, dimension); raises ValueError with the reader's words, or when the vectors differ in length or do not fit.
    """
    cdef Py_buffer view
    cdef Rows matrix
    cdef AnswerReader *reader = new AnswerReader()
    cdef size_t count = 0
    PyObject_GetBuffer(rows, &view, PyBUF_WRITABLE)
    try:
        matrix = Rows(<float *>view.buf, view.len // sizeof(float), most, 0)
        for _ in range(repeats):
            reader.start(most, &matrix, claim_rows, False)
            feed(reader, pieces, msgpack)
            count = reader.vectors.count()
            if count != 0 and not reader.vectors.direct():
                raise ValueError("the vectors do not fit the rows")
        return count, matrix.dimension
    finally:
        PyBuffer_Release(&view)
        del reader


def read_embeddings(pieces, most: int, msgpack: bool = False) -> tuple:
    """Read an embeddings answer that arrives in `pieces` (an iterable of buffers), of at most `most` vectors.

    Returns (vectors as lists of float, skeleton as bytes); raises ValueError with the reader's words.
    """
    global idle_reader
    cdef AnswerReader *reader = idle_reader if idle_reader != NULL else new AnswerReader()
    cdef float *values = NULL
    cdef size_t *ends = NULL
    cdef size_t count, k, i, start = 0
    idle_reader = NULL
    try:
        reader.start(most, NULL, no_matrix, False)
        feed(reader, pieces, msgpack)
        skeleton = reader.skeleton.data[:reader.skeleton.size]
        count = reader.vectors.count()
        reader.vectors.take(&values, &ends)
        vectors = []
        for k in range(count):
            vectors.append([values[i] for i in range(start, ends[k])])
            start = ends[k]
        return vectors, skeleton
    finally:
        free(values)
        free(ends)
        if idle_reader == NULL:
            idle_reader = reader
        else:
            del reader
