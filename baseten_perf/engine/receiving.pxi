# What libcurl hands over of a response: its header lines and its body.

cdef size_t on_header(char *text, size_t size, size_t count, void *transfer_) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef size_t length = size * count
    cdef int status
    cdef ContentType told
    if length >= 12 and strncmp(text, b"HTTP/", 5) == 0:
        # A new response: the final one, or one after 1xx or a redirect, whose headers no longer matter.
        status = status_of(text, length)
        transfer.headers.size = 0
        transfer.body.size = 0
        retry_headers_clear(&transfer.retry_headers)
        transfer.status = status
        transfer.headed = False
        transfer.msgpack = False
        if transfer.decoding:
            transfer.reader.choose(False)
        if 300 <= status <= 399:
            on_redirect(transfer)
        return length
    retry_headers_read(&transfer.retry_headers, text, length)
    if 300 <= transfer.status <= 399 and length > 9 and strncasecmp(text, b"location:", 9) == 0:
        on_location(transfer, text + 9, length - 9)
    told = content_type_of(text, length)
    if told != ContentType.not_said:
        transfer.msgpack = told == ContentType.msgpack
        if transfer.decoding:
            transfer.reader.choose(transfer.msgpack)
    if length <= 2:
        transfer.headed = True
    elif not transfer.headers.append(text, length):
        transfer.broken = True
        return 0
    return length


cdef int status_of(const char *line, size_t length) noexcept nogil:
    cdef size_t i = 5
    while i < length and line[i] != b' ':
        i += 1
    if i + 3 >= length:
        return 0
    return (line[i + 1] - 48) * 100 + (line[i + 2] - 48) * 10 + (line[i + 3] - 48)


cdef size_t on_body(char *text, size_t size, size_t count, void *transfer_) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef size_t length = size * count
    if transfer.decoding and 200 <= transfer.status < 300:
        transfer.reader.feed(text, length)
        return length
    if not transfer.body.append(text, length):
        transfer.broken = True
        return 0                    # libcurl ends the transfer with CURLE_WRITE_ERROR
    return length


cdef Claim claim_rows(void *transfer_, size_t dimension, float **rows) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef Op *op = transfer.lane.op
    return op_claim_rows(op, &op.requests[transfer.index], dimension, rows)
