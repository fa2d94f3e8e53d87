# The header lines of a transfer: the list that libcurl reads, and what changes in it from attempt to attempt.
#
# libcurl sends the text of an entry as it is, so one entry holds all lines that libcurl itself has no use for: it looks
# through the whole list a dozen times for each request.  That entry is written in place; its end names the attempt.

cdef extern from * nogil:
    """
    #include <charconv>
    #include <cstring>

    static inline char *put_text(char *place, const char *text, size_t size) {
        std::memcpy(place, text, size);
        return place + size;
    }
    static inline char *put_number(char *place, long long number) {
        return std::to_chars(place, place + 24, number).ptr;
    }
    // So many digits of a number, in hexadecimal.
    static inline char *put_hex(char *place, unsigned long long number, int digits) {
        for (int i = digits - 1; i >= 0; --i, number >>= 4) place[i] = "0123456789abcdef"[number & 15];
        return place + digits;
    }
    """
    char *put_text(char *place, const char *text, size_t size)
    char *put_number(char *place, long long number)
    char *put_hex(char *place, unsigned long long number, int digits)

cdef enum:
    # More than the names, numbers and line ends of the lines that name an attempt.
    ATTEMPT_ROOM = 192
    # libcurl announces larger bodies with "Expect: 100-continue" and then waits, from 1 MB on; an entry keeps it from that.
    UNANNOUNCED_BODY = 65536


cdef int transfer_prepare_lines(Transfer *transfer, Plan *plan) noexcept nogil:
    """Lay out the list for the plan; CURLE_OK or CURLE_OUT_OF_MEMORY."""
    cdef int i, count = plan.line_count
    cdef size_t stem = strlen(plan.request_id_prefix) + REQUEST_ID_DIGITS if plan.request_id_prefix != NULL else 0
    cdef curl_slist *lines = <curl_slist *>realloc(transfer.lines, (count + 2) * sizeof(curl_slist))
    if lines == NULL:
        return CURLE_OUT_OF_MEMORY
    transfer.lines = lines
    cdef char *joined = <char *>realloc(transfer.joined, plan.joined_size + stem + ATTEMPT_ROOM)
    if joined == NULL:
        return CURLE_OUT_OF_MEMORY
    transfer.joined = joined
    transfer.joined_size = plan.joined_size
    memcpy(joined, plan.joined, plan.joined_size)
    joined[plan.joined_size] = 0
    for i in range(count):
        lines[i].data = plan.lines[i]
    if plan.joined_size > 0 or plan.request_id_prefix != NULL or plan.deadline_header:
        lines[count].data = joined
        count += 1
    lines[count].data = <char *>b"Expect:"
    for i in range(count):
        lines[i].next = &lines[i + 1]
    lines[count].next = NULL
    # Where the list ends without "Expect:".
    transfer.last_line = &lines[count - 1] if count > 0 else NULL
    return curl.easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, lines)


cdef void transfer_write_lines(Transfer *transfer, Op *op, Request *request, int hedge) noexcept nogil:
    """Name the attempt that the transfer is to carry."""
    cdef Plan *plan = request.plan
    cdef char *place = transfer.joined + transfer.joined_size
    if plan.request_id_prefix != NULL:
        if place != transfer.joined:
            place = put_text(place, b"\r\n", 2)
        place = put_text(place, b"x-baseten-customer-request-id: ", 31)
        place = put_text(place, op.request_id_stem, op.request_id_stem_size)
        place = put_number(put_text(place, b"-", 1), request.index)
        if hedge > 0:
            place = put_number(put_text(place, b"-hedge-", 7), hedge)
        else:
            place = put_number(put_text(place, b"-", 1), request.attempts)
    if plan.deadline_header:
        if place != transfer.joined:
            place = put_text(place, b"\r\n", 2)
        place = put_number(put_text(place, b"request-deadline-ms: ", 21), unix_ms() + plan.timeout_ms)
    place[0] = 0
    if transfer.last_line != NULL:
        transfer.last_line.next = transfer.last_line + 1 if request.body_size > UNANNOUNCED_BODY else NULL
