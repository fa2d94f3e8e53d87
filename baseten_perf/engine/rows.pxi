# Where the rows of an operation go: to one matrix, or to a buffer for each request, which its completion takes along.
#
# A transfer writes there as the floats arrive.  The caller's own memory is written by the caller's thread (see lent.pxi): so no
# loop waits for a disk behind it, and nothing is written there once a call has ended.

cdef Reservation op_reserve_rows(Op *op, Request *request, size_t dimension, float **rows) noexcept nogil:
    """The rows of `request`; those of a matrix are shaped by the first caller's dimension."""
    cdef RowBuffer *buffer
    if op.apart:
        return request_reserve_buffer(request, dimension, rows)
    buffer = op_row_buffer(op)
    if buffer == NULL:
        buffer = op_make_buffer(op, dimension)
    if buffer == NULL:
        return Reservation.no_memory
    if buffer.dimension != dimension:
        return Reservation.dimension_differs
    rows[0] = buffer.floats + request.first_row * dimension
    if buffer.mapping.fresh:
        populate_pages(rows[0], request.rows * dimension * sizeof(float))
    return Reservation.granted


cdef Reservation request_reserve_buffer(Request *request, size_t dimension, float **rows) noexcept nogil:
    if request.buffer != NULL and request.buffer.dimension != dimension:
        # An earlier attempt's, which broke; or that of the twin, which ends when this attempt succeeds.
        row_buffer_drop(request.buffer)
        request.buffer = NULL
    if request.buffer == NULL:
        request.buffer = row_buffer_new(request.rows, dimension)
    if request.buffer == NULL:
        return Reservation.no_memory
    rows[0] = request.buffer.floats
    return Reservation.granted


cdef RowBuffer *op_make_buffer(Op *op, size_t dimension) noexcept nogil:
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
