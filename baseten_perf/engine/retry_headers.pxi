# What the headers of a response say of further attempts: retry-after-ms, Retry-After (RFC 9110) and x-should-retry.

cdef enum ShouldRetry:
    RETRY_UNSAID
    RETRY_YES
    RETRY_NO

cdef struct RetryHeaders:
    double after                    # seconds; 0 for none
    bint after_in_ms                # retry-after-ms was there, which is the more precise
    bint after_date                 # Retry-After is a date, which libcurl reads
    ShouldRetry should


cdef void retry_headers_clear(RetryHeaders *headers) noexcept nogil:
    headers.after = 0
    headers.after_in_ms = headers.after_date = False
    headers.should = RETRY_UNSAID


cdef void retry_headers_read(RetryHeaders *headers, const char *line, size_t length) noexcept nogil:
    """Take in a header line, if it is one of these."""
    cdef double seconds
    # In fair weather the first letter tells that it is none.
    if line[0] != b'r' and line[0] != b'R' and line[0] != b'x' and line[0] != b'X':
        return
    if length > 15 and strncasecmp(line, b"retry-after-ms:", 15) == 0:
        seconds = decimal_of(line + 15, length - 15) * 1e-3
        if seconds >= 0:
            headers.after_in_ms = True
            headers.after_date = False
            headers.after = seconds
    elif length > 12 and strncasecmp(line, b"retry-after:", 12) == 0 and not headers.after_in_ms:
        seconds = decimal_of(line + 12, length - 12)
        headers.after_date = seconds < 0
        headers.after = max(0.0, seconds)
    elif length > 15 and strncasecmp(line, b"x-should-retry:", 15) == 0:
        line += 15
        length -= 15
        while length > 0 and is_blank(line[0]):
            line += 1
            length -= 1
        if length >= 4 and strncasecmp(line, b"true", 4) == 0:
            headers.should = RETRY_YES
        elif length >= 5 and strncasecmp(line, b"false", 5) == 0:
            headers.should = RETRY_NO


cdef inline bint is_digit(char character) noexcept nogil:
    return 48 <= character <= 57


cdef inline bint is_blank(char character) noexcept nogil:
    return character == b' ' or character == b'\t' or character == b'\n' or character == b'\r'


cdef double decimal_of(const char *text, size_t length) noexcept nogil:
    """The number that a header's value begins with, at most a century of seconds; -1 when it begins with none."""
    cdef size_t i = 0
    cdef double number = 0
    cdef double place = 1
    cdef bint digits = False
    while i < length and is_blank(text[i]):
        i += 1
    while i < length and is_digit(text[i]):
        number = number * 10 + (text[i] - 48)
        digits = True
        i += 1
    if digits and i < length and text[i] == b'.':
        i += 1
        while i < length and is_digit(text[i]):
            place /= 10
            number += place * (text[i] - 48)
            i += 1
    return min(number, CENTURY_S) if digits else -1


cdef bint says_insufficient_quota(const char *body, size_t size) noexcept nogil:
    """Whether a JSON error body has "insufficient_quota" as its error's code or type: waiting would not help."""
    cdef const char *word = b"\"insufficient_quota\""
    cdef const char *end = body + size
    cdef const char *error = find_text(body, size, b"\"error\"", 7)
    cdef const char *found = error
    cdef const char *before
    while found != NULL:
        found = find_text(found, end - found, word, 20)
        if found == NULL:
            return False
        before = found - 1
        while before > error and is_blank(before[0]):
            before -= 1
        if before > error and before[0] == b':':
            before -= 1
            while before > error and is_blank(before[0]):
                before -= 1
            if before - 5 > error and strncmp(before - 5, b"\"code\"", 6) == 0:
                return True
            if before - 5 > error and strncmp(before - 5, b"\"type\"", 6) == 0:
                return True
        found += 1
    return False


cdef const char *find_text(const char *text, size_t size, const char *word, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(size - length + 1 if size >= length else 0):
        if text[i] == word[0] and strncmp(text + i, word, length) == 0:
            return text + i
    return NULL
