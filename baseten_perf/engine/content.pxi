# The content codings of a body, undone on its way to the reader; those of an error's body when it has come, so that one
# which cannot be decoded is shown as it came.


cdef void content_announced(Transfer *transfer, const char *value, size_t size) noexcept nogil:
    """What a Content-Encoding line says; a response may have several of them."""
    if transfer.request.plan.head:
        return                      # they tell of a body that does not come
    if transfer.content == NULL:
        transfer.content = new ContentDecoder()
    if not transfer.coded:
        transfer.content.start()
    transfer.content.add(value, size)
    transfer.coded = transfer.content.any()
    transfer.content.begin(<void *>transfer, body_take, transfer.room)


cdef bint content_feed(Transfer *transfer, const char *text, size_t length) noexcept nogil:
    """A piece of a success's body as it came; False when it cannot be decoded or is too large."""
    if not codings_are_ours:
        return body_take(transfer, text, length)
    cdef bint taken = transfer.content.feed(text, length)
    if not taken and transfer.fault == FAULT_NONE:
        transfer.fault = content_fault(transfer.content)
        if transfer.fault == FAULT_UNDECODABLE:
            content_remember(transfer, text, length)
    return taken


cdef Fault content_fault(ContentDecoder *content) noexcept nogil:
    if content.out_of_memory:
        return FAULT_NO_MEMORY
    return FAULT_TOO_LARGE if content.too_large else FAULT_UNDECODABLE


cdef void content_remember(Transfer *transfer, const char *text, size_t length) noexcept nogil:
    """For the error's message: what the body begins with that could not be decoded from its first bytes on."""
    if transfer.decoding:
        transfer.reader.remember_head(text, length)
    elif transfer.body.size == 0:
        transfer.body.append(text, min(length, <size_t>SHOWN_BYTES))


cdef bint content_whole(Transfer *transfer) noexcept nogil:
    """A success's body has come: False when its end is missing, or memory for its headers."""
    if codings_are_ours and not transfer.content.finish():
        transfer.fault = FAULT_UNDECODABLE
    elif not remove_codings(transfer.headers[0]):
        transfer.fault = FAULT_NO_MEMORY
    return transfer.fault == FAULT_NONE


cdef bint content_of_error(Transfer *transfer) noexcept nogil:
    """Undo the codings of an error's body, unless it cannot be; False when memory has run out."""
    if not codings_are_ours:
        return remove_codings(transfer.headers[0])
    cdef Bytes *coded = transfer.body
    cdef Bytes *decoded = new Bytes()
    cdef bint cut = transfer.fault == FAULT_CUT
    cdef bint done
    transfer.body = decoded
    transfer.room = MOST_ERROR_BYTES
    transfer.fault = FAULT_NONE
    # It is done, too, as far as it goes when it was cut, or is now because it would become too large.
    done = transfer.content.feed(coded.data, coded.size) and (cut or transfer.content.finish())
    done = done or transfer.fault == FAULT_CUT
    if transfer.fault == FAULT_NO_MEMORY or transfer.content.out_of_memory:
        del coded
        return False
    transfer.fault = FAULT_CUT if cut else transfer.fault
    if done:
        del coded
        return remove_codings(transfer.headers[0])
    transfer.body = coded
    del decoded
    return True
