# Memory that a caller lends for rows, as a Matrix.  Only Python's threads write to it, whole rows of whole answers.

cdef class LentMemory:
    """The caller's float32 array of (rows, dimension), held for as long as somebody may look into it or write to it."""

    cdef Py_buffer view

    def __cinit__(self, array):
        PyObject_GetBuffer(array, &self.view, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)
        if self.view.ndim != 2 or self.view.itemsize != sizeof(float) or self.view.shape[0] < 1:
            PyBuffer_Release(&self.view)
            raise ValueError("lent memory is a 2-dimensional C-contiguous array of float32")

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


def lent_matrix(array) -> Matrix:
    """A matrix on the caller's memory, which it keeps.

    Parameters:
        array: a writable C-contiguous buffer of float32 with two dimensions.
    """
    cdef LentMemory memory = LentMemory(array)
    cdef RowBuffer *buffer = row_buffer_lent(<float *>memory.view.buf, memory.view.shape[0], memory.view.shape[1])
    if buffer == NULL:
        raise MemoryError
    cdef Matrix matrix = matrix_of(buffer)
    row_buffer_drop(buffer)
    matrix.memory = memory
    return matrix
