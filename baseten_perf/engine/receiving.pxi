# The head of a response, as libcurl hands it over line by line: kept whole, and read when its blank line has come.


cdef enum:
    # Newer versions of libcurl have a limit of their own of 300 KiB.
    MOST_HEAD_BYTES = 524288


cdef size_t on_header(char *text, size_t size, size_t count, void *transfer_) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef size_t length = size * count
    cdef int status
    if transfer.status == 0 or (transfer.headed and not transfer.bodied):
        # The first response, or the one after 1xx, a proxy's to CONNECT, or a redirect.
        status = status_of(text, length)
        if status != 0:
            response_begins(transfer, status)
            return length
    if transfer.status == 0:
        return 0                    # no HTTP; libcurl ends the transfer with CURLE_WRITE_ERROR
    if transfer.headed:
        return length               # a trailer, which changes nothing of what has been read
    if 300 <= transfer.status <= 399 and length > 9 and strncasecmp(text, b"location:", 9) == 0:
        on_location(transfer, text + 9, length - 9)
    if length <= 2 and (text[0] == b'\r' or text[0] == b'\n'):
        transfer.headed = True
        read_head(transfer)
        return length
    if transfer.headers.size + length > MOST_HEAD_BYTES:
        transfer.fault = FAULT_HEAD_TOO_LARGE
        return 0
    if not append_header_line(transfer.headers[0], text, length):
        transfer.fault = FAULT_NO_MEMORY
        return 0
    return length


cdef void response_begins(Transfer *transfer, int status) noexcept nogil:
    transfer.headers.size = 0
    transfer.body.restart()
    retry_headers_clear(&transfer.retry_headers)
    transfer.status = status
    transfer.headed = False
    transfer.bodied = False
    transfer.coded = False
    transfer.msgpack = False
    transfer.room = transfer.share.op.plan.most_response_bytes if 200 <= status < 300 else MOST_ERROR_BYTES
    if transfer.decoding:
        transfer.reader.choose(False)
    if transfer.multi.leaves_trust_store:
        multi_leave_trust_store(transfer.multi, transfer)
    if 300 <= status <= 399:
        on_redirect(transfer)


cdef void read_head(Transfer *transfer) noexcept nogil:
    cdef HeaderLines lines
    cdef ContentType told
    cdef RateLimits limits
    cdef bint limited = False
    lines.start(transfer.headers[0])
    while lines.next():
        retry_headers_read(&transfer.retry_headers, lines.line, lines.line_size)
        if may_be_rate_limit(lines.line, lines.line_size):
            if not limited:
                limits.start(unix_ms() * 1e-3)
                limited = True
            limits.read(lines.line, lines.line_size)
        told = content_type_of(lines.line, lines.line_size)
        if told != ContentType.not_said:
            transfer.msgpack = told == ContentType.msgpack
        if lines.named(b"content-encoding:"):
            content_announced(transfer, lines.value, lines.value_size)
    if limited:
        limits.finish()
        pace_learn(transfer.share.op.plan.routes[transfer.route].pace, limits.requests, limits.tokens,
                   request_tokens(transfer.request), seconds_now())
    if transfer.decoding and transfer.msgpack:
        transfer.reader.choose(True)


cdef int status_of(const char *line, size_t length) noexcept nogil:
    """The status in a status line: "HTTP/1.1 200 OK", "HTTP/2 200"; 0 when the line is none."""
    cdef size_t i = 5
    if length < 10 or strncmp(line, b"HTTP/", 5) != 0 or not is_digit(line[5]):
        return 0
    while i < length and (is_digit(line[i]) or line[i] == b'.'):
        i += 1
    cdef size_t version_end = i
    while i < length and (line[i] == b' ' or line[i] == b'\t'):
        i += 1
    if i == version_end or i + 2 >= length:
        return 0
    if not (is_digit(line[i]) and is_digit(line[i + 1]) and is_digit(line[i + 2])):
        return 0
    return (line[i] - 48) * 100 + (line[i + 1] - 48) * 10 + (line[i + 2] - 48)
