# Where the rows of an operation go: one matrix; a buffer for each request, which its completion takes along; or memory that the
# caller lends.
#
# A transfer writes to the matrix and to its request's buffer as the floats arrive.  To lent memory it writes once, when its
# answer is whole, and only while the operation runs: whoever has ended the operation and has waited for the `writers` may do
# with the memory as they like, and rows without an answer have never been touched.

cdef Claim op_reserve_rows(Op *op, Request *request, size_t dimension, float **rows) noexcept nogil:
    """The rows of `request`; those of a matrix are shaped by the first caller's dimension."""
    cdef RowBuffer *buffer
    if op.apart:
        return request_claim_block(request, dimension, rows)
    buffer = op_row_buffer(op)
    if buffer == NULL:
        buffer = op_make_block(op, dimension)
    if buffer == NULL:
        return Claim.no_memory
    if buffer.dimension != dimension:
        return Claim.dimension_differs
    rows[0] = buffer.floats + request.first_row * dimension
    return Claim.granted


cdef Claim request_claim_block(Request *request, size_t dimension, float **rows) noexcept nogil:
    if request.buffer != NULL and request.buffer.dimension != dimension:
        # An earlier attempt's, which broke; or that of the twin, which ends when this attempt succeeds.
        row_buffer_drop(request.buffer)
        request.buffer = NULL
    if request.buffer == NULL:
        request.buffer = row_buffer_new(request.rows, dimension)
    if request.buffer == NULL:
        return Claim.no_memory
    rows[0] = request.buffer.floats
    return Claim.granted


cdef RowBuffer *op_make_block(Op *op, size_t dimension) noexcept nogil:
    # Made outside of the lock.  Another loop may do the same: the first to install its buffer wins.
    cdef RowBuffer *made = row_buffer_new(op.total_rows, dimension)
    op.monitor.lock()
    if op.buffer == NULL:
        op.buffer = made
        made = NULL
    cdef RowBuffer *buffer = op.buffer
    op.monitor.unlock()
    row_buffer_drop(made)
    return buffer


cdef inline RowBuffer *op_row_buffer(Op *op) noexcept nogil:
    """The matrix, which stays with the operation to its end; NULL while nobody has needed it."""
    op.monitor.lock()
    cdef RowBuffer *buffer = op.buffer
    op.monitor.unlock()
    return buffer


cdef bint op_write_begins(Op *op) noexcept nogil:
    """Whether lent memory may be written to now; op_write_ends must follow."""
    op.monitor.lock()
    cdef bint running = op.state == OP_RUNNING
    op.writers += running
    op.monitor.unlock()
    return running


cdef void op_write_ends(Op *op) noexcept nogil:
    op.monitor.lock()
    op.writers -= 1
    if op.writers == 0 and op.state != OP_RUNNING:
        op.monitor.notify()
    op.monitor.unlock()


cdef void op_await_writers(Op *op) noexcept nogil:
    """Of an operation that is over: afterwards nothing writes to lent memory."""
    if not op.lent:
        return
    op.monitor.lock()
    while op.writers > 0:
        op.monitor.wait(1000000000)
    op.monitor.unlock()


cdef class LentMemory:
    """The caller's float32 array of (rows, dimension), held for as long as somebody may look into it or write to it."""

    cdef Py_buffer view

    def __cinit__(self, array):
        PyObject_GetBuffer(array, &self.view, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)
        if self.view.ndim != 2 or self.view.itemsize != 4 or self.view.format != b"f":
            PyBuffer_Release(&self.view)
            raise ValueError("lent memory is a 2-dimensional C-contiguous array of float32")

    def __dealloc__(self):
        PyBuffer_Release(&self.view)
