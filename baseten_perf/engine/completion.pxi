# Completion: how one request ended, as Python sees it; and the objects that own what it brought.

def outcomes() -> dict:
    """The numbers of how a request may end, by the names that outcome.Outcome gives them."""
    return {
        "OK": OUTCOME_OK, "HTTP_STATUS": OUTCOME_HTTP_STATUS, "TIMEOUT": OUTCOME_TIMEOUT,
        "CONNECT_TIMEOUT": OUTCOME_CONNECT_TIMEOUT, "NETWORK": OUTCOME_NETWORK, "DEADLINE": OUTCOME_DEADLINE,
        "UNDECODABLE": OUTCOME_UNDECODABLE, "NO_MEMORY": OUTCOME_NO_MEMORY,
    }


def verdicts() -> dict:
    """The numbers of why an attempt was the last, by the names that outcome.Verdict gives them."""
    return {
        "NONE": VERDICT_NONE, "FINAL_STATUS": VERDICT_FINAL_STATUS, "NOT_TO_RETRY": VERDICT_NOT_TO_RETRY,
        "QUOTA": VERDICT_QUOTA, "PERMANENT": VERDICT_PERMANENT, "RETRIES": VERDICT_RETRIES, "BUDGET": VERDICT_BUDGET,
        "PATIENCE": VERDICT_PATIENCE, "RETRY_AFTER": VERDICT_RETRY_AFTER, "NEVER_RESPONDED": VERDICT_NEVER_RESPONDED,
    }


cdef class Body:
    """Owns the bytes of one answer; readable through the buffer protocol."""

    cdef char *bytes
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.bytes, self.size, True, flags)

    def __dealloc__(self):
        free(self.bytes)


cdef class Vectors:
    """The vectors of one answer that do not fit the operation's matrix, each with a length of its own."""

    cdef float *values
    cdef size_t *ends
    cdef size_t count

    def __len__(self):
        return self.count

    cdef size_t start(self, Py_ssize_t k) except? 0:
        if not 0 <= k < <Py_ssize_t>self.count:
            raise IndexError(f"vector {k} of {self.count}")
        return self.ends[k - 1] if k > 0 else 0

    def dim(self, k: int) -> int:
        """How many floats vector `k` has."""
        return self.ends[k] - self.start(k)

    def row(self, k: int) -> list:
        """Vector `k` as Python floats."""
        cdef size_t start = self.start(k)
        return list_of_floats(self.values + start, self.ends[k] - start)

    def row_base64(self, k: int) -> str:
        """Vector `k` as base64 of little-endian float32."""
        cdef size_t start = self.start(k)
        return encode_base64(self.values + start, self.ends[k] - start)

    def __dealloc__(self):
        free(self.values)
        free(self.ends)


cdef class Completion:
    """How one request of an operation ended.  See engine/_engine.pyi for the attributes."""

    cdef readonly Py_ssize_t index
    cdef readonly bint final
    cdef readonly bint unsettled
    cdef readonly int outcome
    cdef readonly int status
    cdef readonly int curl_code
    cdef readonly int attempts
    cdef readonly int verdict
    cdef readonly int refusals
    cdef readonly double refused_s
    cdef readonly double retry_after_s
    cdef readonly int budget
    cdef readonly int os_errno
    cdef readonly double elapsed
    cdef readonly bytes timings
    cdef readonly bytes headers
    cdef readonly bint msgpack
    cdef readonly object body
    cdef readonly str error
    cdef readonly Py_ssize_t placed
    cdef readonly object vectors
    cdef readonly object matrix
    cdef readonly int endpoint
    # Of what only errors show, the parts.
    cdef bytes request_id_stem
    cdef int retry
    cdef int hedge
    cdef bytes address

    @property
    def request_id(self) -> str:
        if not self.request_id_stem:
            return ""
        attempt = f"hedge-{self.hedge}" if self.hedge > 0 else str(self.retry)
        return f"{self.request_id_stem.decode()}-{self.index}-{attempt}"

    @property
    def url(self) -> str:
        return self.address.decode("utf-8", "replace")


cdef Completion completion_from(NativeCompletion *native, bytes request_id_stem, list urls):
    """Take everything out of `native`, of an operation with these routes."""
    cdef Completion completion = Completion.__new__(Completion)
    cdef Body body
    cdef Vectors vectors
    completion.index = native.index
    completion.final = native.final
    completion.unsettled = native.unsettled
    completion.outcome = native.outcome
    completion.status = native.status
    completion.curl_code = native.curl_code
    completion.attempts = native.attempts
    completion.verdict = native.verdict
    completion.refusals = native.refusals
    completion.refused_s = native.refused_for * 1e-9
    completion.retry_after_s = native.retry_after * 1e-9
    completion.budget = native.budget
    completion.os_errno = native.os_errno
    completion.elapsed = native.elapsed * 1e-9
    if native.timings != NULL:
        completion.timings = PyBytes_FromStringAndSize(<char *>native.timings, sizeof(Timings))
    completion.msgpack = native.msgpack
    completion.headers = PyBytes_FromStringAndSize(native.headers, native.headers_size)
    completion.error = native.error.decode("utf-8", "replace") if native.error != NULL else ""
    completion.endpoint = native.route
    completion.request_id_stem = request_id_stem
    completion.retry = native.retry
    completion.hedge = native.hedge
    completion.address = native.url if native.url != NULL else urls[native.route]
    if native.large_body == NULL:
        completion.body = PyBytes_FromStringAndSize(native.body, native.body_size)
    else:
        body = Body.__new__(Body)
        body.bytes = native.large_body
        body.size = native.body_size
        native.large_body = NULL
        completion.body = memoryview(body)
    completion.placed = native.vectors
    if native.ends != NULL:
        vectors = Vectors.__new__(Vectors)
        vectors.values = native.values
        vectors.ends = native.ends
        vectors.count = native.vectors
        native.values = NULL
        native.ends = NULL
        completion.vectors = vectors
    if native.buffer != NULL:
        completion.matrix = matrix_of(native.buffer)
    return completion
