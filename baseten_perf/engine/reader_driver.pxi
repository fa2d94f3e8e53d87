# The reader of embeddings responses without transfers: pieces of a body in, vectors and a skeleton out. For tests.


# Memory of the caller's, taken for a matrix.
cdef struct PlayedRows:
    float *floats
    size_t size
    size_t count                    # rows that it must have
    size_t dimension


cdef Reservation reserve_nothing(void *owner, size_t dimension, float **rows) noexcept nogil:
    return Reservation.dimension_differs


cdef Reservation reserve_played(void *owner, size_t dimension, float **rows) noexcept nogil:
    cdef PlayedRows *matrix = <PlayedRows *>owner
    if dimension * matrix.count > matrix.size:
        return Reservation.dimension_differs
    matrix.dimension = dimension
    rows[0] = matrix.floats
    return Reservation.granted


cdef tuple told(Quota quota):
    return (quota.limit, quota.remaining, quota.reset) if quota.known() else None


cdef class ReaderDriver:
    """Drives one reader, which reads response after response, as a transfer's does."""

    cdef EmbeddingsReader *reader
    cdef bint reading

    def __cinit__(self):
        self.reader = new EmbeddingsReader()

    cdef int feed(self, pieces, size_t most, void *owner, ReserveRows reserve_rows, bint msgpack) except -1:
        cdef Py_buffer view
        if self.reading:
            raise RuntimeError("a driver reads one response at a time")
        self.reading = True
        try:
            self.reader.start(most, owner, reserve_rows, False)
            self.reader.choose(msgpack)
            for piece in pieces:
                PyObject_GetBuffer(piece, &view, PyBUF_SIMPLE)
                self.reader.feed(<const char *>view.buf, view.len)
                PyBuffer_Release(&view)
            self.reader.finish()
        finally:
            self.reading = False
        if self.reader.failure[0] != 0:
            raise ValueError(self.reader.failure.decode())
        return 0

    def read(self, pieces, most: int, msgpack: bool = False) -> tuple:
        """Read a response that arrives in `pieces` (an iterable of buffers), of at most `most` vectors.

        Returns (vectors as lists of float, skeleton as bytes); raises ValueError with the reader's words.
        """
        cdef float *values = NULL
        cdef size_t *ends = NULL
        cdef size_t count, k, i, start = 0
        self.feed(pieces, most, NULL, reserve_nothing, msgpack)
        skeleton = self.reader.skeleton.data[:self.reader.skeleton.size]
        count = self.reader.vectors.count()
        self.reader.vectors.take(&values, &ends)
        try:
            vectors = []
            for k in range(count):
                vectors.append([values[i] for i in range(start, ends[k])])
                start = ends[k]
            return vectors, skeleton
        finally:
            free(values)
            free(ends)

    def fill(self, pieces, rows, most: int, msgpack: bool = False, repeats: int = 1) -> tuple:
        """Read a response of equally long vectors into `rows`, a writable buffer of float32, as a matrix is filled.

        `most` vectors must fit there. Reads `repeats` times, for measurements: `pieces` must then be a list. Returns
        (vectors, dimension); raises ValueError with the reader's words, or when the vectors differ in length or do
        not fit.
        """
        cdef Py_buffer view
        cdef PlayedRows matrix
        cdef size_t count = 0
        PyObject_GetBuffer(rows, &view, PyBUF_WRITABLE)
        try:
            matrix = PlayedRows(<float *>view.buf, view.len // sizeof(float), most, 0)
            for _ in range(repeats):
                self.feed(pieces, most, &matrix, reserve_played, msgpack)
                count = self.reader.vectors.count()
                if count != 0 and not self.reader.vectors.direct():
                    raise ValueError("the vectors do not fit the rows")
            return count, matrix.dimension
        finally:
            PyBuffer_Release(&view)

    @staticmethod
    def says_msgpack(line: bytes) -> "bool | None":
        """Whether a header line says that the body is MessagePack; None for a line that says nothing of its type."""
        cdef ContentType said = content_type_of(line, len(line))
        return None if said == ContentType.not_said else said == ContentType.msgpack

    @staticmethod
    def rate_limits(lines: list, unix_now: float) -> tuple:
        """What header lines tell of requests and of tokens: (limit, remaining, seconds until the reset), or None."""
        cdef RateLimits limits
        cdef bytes line
        limits.start(unix_now)
        for line in lines:
            if may_be_rate_limit(line, len(line)):
                limits.read(line, len(line))
        limits.finish()
        return told(limits.requests), told(limits.tokens)

    def __dealloc__(self):
        del self.reader
