# Matrix: the float32 rows of an operation, as Python sees them.

cdef extern from *:
    """
    // In one pass: a list that grows as it is filled costs an eighth more.  The collector need not know a list of floats,
    // and so a collection does not walk through all of them: they are a fifth of what such lists cost, as they are made.
    static PyObject *list_of_floats(const float *floats, Py_ssize_t count) {
        PyObject *list = PyList_New(count);
        if (list == nullptr) return nullptr;
        PyObject_GC_UnTrack(list);
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject *number = PyFloat_FromDouble(static_cast<double>(floats[i]));
            if (number == nullptr) {
                Py_DECREF(list);
                return nullptr;
            }
            PyList_SET_ITEM(list, i, number);
        }
        return list;
    }
    """
    list list_of_floats(const float *floats, Py_ssize_t count)


cdef str encode_base64(const float *floats, size_t count):
    cdef bytes text = PyBytes_FromStringAndSize(NULL, base64_length(count * 4))
    base64_encode(<const unsigned char *>floats, count * 4, PyBytes_AS_STRING(text))
    return text.decode("ascii")


cdef class Matrix:
    """A buffer of float32 rows, C-contiguous and writable through the buffer protocol: numpy.asarray(matrix) is a view."""

    cdef RowBuffer *buffer
    cdef object memory              # what keeps the floats of a buffer that is lent, else None
    # Who looks into the rows: exported buffers, and calls in which other threads or a collection can get a turn.  The
    # buffer does not rest meanwhile.
    cdef int readers
    cdef Py_ssize_t shape[2]
    cdef Py_ssize_t strides[2]

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def dim(self) -> int:
        return self.shape[1]

    cdef float *at(self, Py_ssize_t i) except NULL:
        if not 0 <= i < self.shape[0]:
            raise IndexError(f"row {i} of {self.shape[0]}")
        if not row_buffer_map(self.buffer):
            raise MemoryError
        return self.buffer.floats + i * self.shape[1]

    def row(self, i: int) -> list:
        """Row `i` as Python floats."""
        cdef float *floats = self.at(i)
        self.readers += 1
        try:
            return list_of_floats(floats, self.shape[1])
        finally:
            self.readers -= 1

    def row_base64(self, i: int) -> str:
        """Row `i` as base64 of little-endian float32."""
        return encode_base64(self.at(i), self.shape[1])

    def copy(self):
        """The same rows in memory of their own.  Nothing may write to this matrix's rows afterwards."""
        cdef Matrix matrix
        cdef RowBuffer *buffer = self.copied()
        if buffer == NULL and self.buffer.floats == NULL and row_buffer_map(self.buffer):
            buffer = self.copied()
        if buffer == NULL:
            raise MemoryError
        if self.readers == 0:
            row_buffer_unmap(self.buffer)
        matrix = matrix_of(buffer)
        row_buffer_drop(buffer)
        return matrix

    cdef RowBuffer *copied(self) noexcept:
        cdef const float *floats = self.buffer.floats
        cdef RowBuffer *buffer
        if self.buffer.size < QUICK_COPY:
            return row_buffer_copy(self.buffer, floats)
        self.readers += 1
        with nogil:
            buffer = row_buffer_copy(self.buffer, floats)
        self.readers -= 1
        return buffer

    def last(self):
        """The rows for their last reader: this matrix itself, unless forked processes or a caller share its memory, or
        somebody has a view of it."""
        return self if self.buffer.file < 0 and not self.buffer.lent and self.readers == 0 else self.copy()

    def put(self, start: int, rows: Matrix) -> None:
        """Copy all rows of another matrix, of the same dimension, to rows[start:]."""
        cdef Matrix source = rows
        if source.shape[1] != self.shape[1]:
            raise ValueError(f"rows of dimension {source.shape[1]} do not fit into dimension {self.shape[1]}")
        if source.shape[0] == 0:
            return
        self.at(start + source.shape[0] - 1)
        cdef float *target = self.at(start)
        cdef const float *floats = source.at(0)
        cdef size_t size = source.shape[0] * source.shape[1] * sizeof(float)
        if size < QUICK_COPY and not self.buffer.lent:
            memcpy(target, floats, size)
            return
        self.readers += 1
        source.readers += 1
        with nogil:                 # memory that is a file's may have to wait for the disk
            memcpy(target, floats, size)
        source.readers -= 1
        self.readers -= 1

    def put_each(self, places: list, rows: Matrix) -> None:
        """Copy row `k` of another matrix, of the same dimension, to all rows that `places[k]` lists."""
        cdef Matrix source = rows
        if source.shape[1] != self.shape[1]:
            raise ValueError(f"rows of dimension {source.shape[1]} do not fit into dimension {self.shape[1]}")
        cdef size_t size = self.shape[1] * sizeof(float)
        cdef float *target
        cdef const float *floats
        for k, numbers in enumerate(places):
            floats = source.at(k)
            for i in numbers:
                target = self.at(i)
                self.readers += 1
                source.readers += 1
                with nogil:         # memory that is a file's may have to wait for the disk
                    memcpy(target, floats, size)
                source.readers -= 1
                self.readers -= 1

    def permute(self, start: int, order: list) -> None:
        """Move rows[start + k] to rows[start + order[k]] for all k; `order` is a permutation of its own indices."""
        cdef Py_ssize_t count = len(order)
        cdef size_t size = self.shape[1] * sizeof(float)
        cdef Py_ssize_t k
        cdef Py_ssize_t *places
        if count == 0:
            return
        if sorted(order) != list(range(count)):
            raise ValueError("order is not a permutation")
        self.at(start + count - 1)
        cdef char *rows = <char *>self.at(start)
        places = <Py_ssize_t *>malloc(count * (sizeof(Py_ssize_t) + size))
        if places == NULL:
            raise MemoryError
        for k in range(count):
            places[k] = order[k]
        if count * size < QUICK_COPY:
            move_rows(rows, size, places, count)
        else:
            self.readers += 1
            with nogil:
                move_rows(rows, size, places, count)
            self.readers -= 1
        free(places)

    def blank(self, rows: list) -> None:
        """Zero rows that hold nothing but what their memory held before; a caller's own memory stays as it is."""
        if self.buffer.lent:
            return
        for i in rows:
            memset(self.at(i), 0, self.shape[1] * sizeof(float))

    def __getbuffer__(self, Py_buffer *view, int flags):
        if (flags & PyBUF_STRIDES) != PyBUF_STRIDES and (flags & PyBUF_ND) != PyBUF_ND and flags & PyBUF_FORMAT:
            raise BufferError("the rows are a 2-dimensional buffer")
        if not row_buffer_map(self.buffer):
            raise MemoryError
        self.readers += 1
        view.buf = self.buffer.floats
        view.obj = self
        view.len = self.shape[0] * self.shape[1] * sizeof(float)
        view.readonly = False
        view.itemsize = sizeof(float)
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = <char *>b"f"
        view.ndim = 2
        view.shape = self.shape
        view.strides = self.strides
        view.suboffsets = NULL
        view.internal = NULL

    def __releasebuffer__(self, Py_buffer *view):
        self.readers -= 1

    def __dealloc__(self):
        row_buffer_drop(self.buffer)


cdef enum:
    # Bytes that are copied in less time than it takes to let other threads of Python have a turn.
    QUICK_COPY = 1048576


cdef void move_rows(char *rows, size_t size, const Py_ssize_t *places, Py_ssize_t count) noexcept nogil:
    """Move row k to row places[k]; behind the places there is room for all rows."""
    cdef char *moved = <char *>(places + count)
    cdef Py_ssize_t k
    memcpy(moved, rows, count * size)
    for k in range(count):
        memcpy(rows + places[k] * size, moved + k * size, size)


cdef Matrix matrix_of(RowBuffer *buffer):
    """A view that holds a reference of its own to the buffer."""
    cdef Matrix matrix = Matrix.__new__(Matrix)
    count_up(&buffer.refs)
    matrix.buffer = buffer
    matrix.shape[0] = buffer.rows
    matrix.shape[1] = buffer.dimension
    matrix.strides[0] = buffer.dimension * sizeof(float)
    matrix.strides[1] = sizeof(float)
    return matrix
