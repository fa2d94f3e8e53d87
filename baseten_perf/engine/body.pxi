# The body of a response, as libcurl hands it over: to the reader of embeddings, or kept; never more of it than allowed.

cdef enum:
    # Of a response that is no success, which nobody reads further than that.
    MOST_ERROR_BYTES = 1048576


cdef size_t on_body(char *text, size_t size, size_t count, void *transfer_) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef size_t length = size * count
    cdef bint taken
    transfer.bodied = True
    tally_add(&transfer.counts.bytes_received, length)
    if transfer.coded and 200 <= transfer.status < 300:
        taken = content_feed(transfer, text, length)
    else:
        taken = body_take(transfer, text, length)
    return length if taken else 0   # libcurl ends the transfer with CURLE_WRITE_ERROR


cdef cpp_bool body_take(void *transfer_, const char *text, size_t length) noexcept nogil:
    """Decoded bytes of a success, or those of another response as they came; False for no more."""
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef bint success = 200 <= transfer.status < 300
    if length > transfer.room:
        transfer.fault = FAULT_TOO_LARGE if success else FAULT_CUT
        if success:
            return False
        length = transfer.room
    transfer.room -= length
    if success and transfer.decoding:
        transfer.reader.feed(text, length)
        return True
    if not transfer.body.append(text, length):
        transfer.fault = FAULT_NO_MEMORY
    return transfer.fault == FAULT_NONE


cdef Reservation reserve_rows(void *transfer_, size_t dimension, float **rows) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef Op *op = transfer.share.op
    return op_reserve_rows(op, transfer.request, dimension, rows)
