# A transfer: libcurl's easy handle and the buffers that carry one attempt of a request at a time.
#
# Owner: the multi it belongs to; it is either idle there or listed in the lane whose attempt it carries.  Received bytes
# are owned here until `ending_of` moves them into an Ending by pointer.

cdef extern from "reader.hpp" namespace "baseten" nogil:
    cdef enum class Claim:
        granted
        dimension_differs
        no_memory
    cppclass Bytes:
        char *data
        size_t size
        bint append(const char *text, size_t length)
        char *take()
    cppclass NativeVectors "baseten::Vectors":
        bint direct()
        size_t count()
        bint settle()
        void take(float **values, size_t **ends)
    cppclass AnswerReader:
        NativeVectors vectors
        Bytes skeleton
        char *head
        size_t head_used
        char *failure
        bint out_of_memory
        void start(size_t most, void *owner, Claim (*claim)(void *, size_t, float **) noexcept nogil, bint apart)
        void choose(bint msgpack)
        void feed(const char *text, size_t size)
        void finish()

cdef extern from "content_type.hpp" namespace "baseten" nogil:
    cdef enum class ContentType:
        not_said
        other
        msgpack
    ContentType content_type_of(const char *line, size_t length)

cdef enum:
    # Our lines, request id, deadline and "Expect:" (which keeps libcurl from waiting for 100 Continue).
    VARIABLE_LINES = 3

cdef struct Transfer:
    void *easy
    Multi *multi
    Transfer *previous              # in lane.transfers
    Transfer *next                  # there, or in multi.idle
    Lane *lane
    Py_ssize_t index
    unsigned long long serial       # of the operation it is set up for
    int route                       # of that operation; it is set up for this one
    bint retry                      # holds a place among its endpoint's running retries
    bint slot                       # counts as in flight: of an attempt and its hedge, one does
    int hedge                       # number of the hedge that it carries; 0 for the original
    Transfer *twin                  # the other of an attempt and its hedge
    Timer hedge_timer
    Slist *lines                    # header list of our own; libcurl only reads it
    int line_capacity
    char request_id[160]
    char deadline[48]
    char error[256]                 # libcurl's ERRORBUFFER
    int status                      # of the response that is arriving; 0 before its status line
    long long retry_after_ms
    bint headed                     # the blank line behind the headers has come
    bint broken                     # memory ran out while receiving
    bint not_following              # FOLLOWLOCATION was switched off for this attempt
    bint decoding                   # the body goes to `reader`, not to `body`
    Bytes *body
    Bytes *headers
    AnswerReader *reader        # made for the first embeddings request


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
        transfer.retry_after_ms = 0
        transfer.status = status
        transfer.headed = False
        on_redirect_status(transfer, status)
        return length
    if length > 15 and strncasecmp(text, b"retry-after-ms:", 15) == 0:
        transfer.retry_after_ms = strtoll(text + 15, NULL, 10)
    if transfer.decoding:
        told = content_type_of(text, length)
        if told != ContentType.not_said:
            transfer.reader.choose(told == ContentType.msgpack)
    if length <= 2:
        transfer.headed = True
    elif not transfer.headers.append(text, length):
        transfer.broken = True
        return 0
    return length


cdef void on_redirect_status(Transfer *transfer, int status) noexcept nogil:
    """Before libcurl reads Location: only 301, 302, 303, 307 and 308 are followed, and a GET has no content type."""
    cdef Slist *line = transfer.lines
    if status == 300 or status == 304 or status == 305:
        transfer.not_following = curl.easy_setopt(transfer.easy, OPT_FOLLOWLOCATION, <long>0) == 0
    elif 301 <= status <= 303 and not transfer.lane.op.bodyless:
        while line != NULL and line.next != NULL:
            if strncasecmp(line.next.text, b"content-type:", 13) == 0:
                line.next = line.next.next
                transfer.serial = 0         # the list must be made anew for the next attempt
            line = line.next


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


cdef Transfer *transfer_new(Multi *multi) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>calloc(1, sizeof(Transfer))
    if transfer == NULL:
        return NULL
    transfer.easy = curl.easy_init()
    transfer.body = new Bytes()
    transfer.headers = new Bytes()
    transfer.multi = multi
    timer_init(&transfer.hedge_timer, HEDGE_DUE, <void *>transfer)
    if transfer.easy == NULL or transfer_settle_in(transfer, multi.loop) != 0:
        transfer_free(transfer)
        return NULL
    return transfer


cdef void transfer_free(Transfer *transfer) noexcept nogil:
    if transfer.easy != NULL:
        curl.easy_cleanup(transfer.easy)
    del transfer.body
    del transfer.headers
    del transfer.reader
    free(transfer.lines)
    free(transfer)


cdef int transfer_settle_in(Transfer *transfer, Loop *loop) noexcept nogil:
    """The options that never change in a transfer's life; a CURLcode."""
    cdef void *easy = transfer.easy
    cdef Core *core = loop.core
    cdef int code = 0
    code |= curl.easy_setopt(easy, OPT_PRIVATE, <void *>transfer)
    code |= curl.easy_setopt(easy, OPT_ERRORBUFFER, <char *>transfer.error)
    code |= curl.easy_setopt(easy, OPT_WRITEFUNCTION, <void *>on_body)
    code |= curl.easy_setopt(easy, OPT_WRITEDATA, <void *>transfer)
    code |= curl.easy_setopt(easy, OPT_HEADERFUNCTION, <void *>on_header)
    code |= curl.easy_setopt(easy, OPT_HEADERDATA, <void *>transfer)
    # Connections keep these two beyond the transfer that made them, so their argument must be the loop.
    code |= curl.easy_setopt(easy, OPT_OPENSOCKETFUNCTION, <void *>on_open_socket)
    code |= curl.easy_setopt(easy, OPT_OPENSOCKETDATA, <void *>loop)
    code |= curl.easy_setopt(easy, OPT_CLOSESOCKETFUNCTION, <void *>on_close_socket)
    code |= curl.easy_setopt(easy, OPT_CLOSESOCKETDATA, <void *>loop)
    code |= curl.easy_setopt(easy, OPT_NOSIGNAL, <long>1)
    code |= curl.easy_setopt(easy, OPT_NOPROGRESS, <long>1)
    code |= curl.easy_setopt(easy, OPT_BUFFERSIZE, <long>262144)
    code |= curl.easy_setopt(easy, OPT_PROTOCOLS_STR, <char *>b"http,https")
    code |= curl.easy_setopt(easy, OPT_REDIR_PROTOCOLS_STR, <char *>b"http,https")
    code |= curl.easy_setopt(easy, OPT_FOLLOWLOCATION, <long>FOLLOW_OBEYCODE)
    code |= curl.easy_setopt(easy, OPT_MAXREDIRS, <long>10)
    code |= curl.easy_setopt(easy, OPT_AUTOREFERER, <long>1)
    code |= curl.easy_setopt(easy, OPT_TCP_KEEPALIVE, <long>1)
    code |= curl.easy_setopt(easy, OPT_MAXAGE_CONN, <long>IDLE_SECONDS)
    code |= curl.easy_setopt(easy, OPT_ACCEPT_ENCODING, <char *>b"")
    code |= curl.easy_setopt(easy, OPT_NOPROXY, core.no_proxy)
    if core.http_version != 1:
        # Rather wait for a connection that can be shared than open one more.
        code |= curl.easy_setopt(easy, OPT_PIPEWAIT, <long>1)
    if core.unix_socket != NULL:
        code |= curl.easy_setopt(easy, OPT_UNIX_SOCKET_PATH, core.unix_socket)
    return code | transfer_settle_tls(easy, core)


cdef int transfer_settle_tls(void *easy, Core *core) noexcept nogil:
    cdef int code = 0
    if not core.verify:
        code |= curl.easy_setopt(easy, OPT_SSL_VERIFYPEER, <long>0)
        code |= curl.easy_setopt(easy, OPT_SSL_VERIFYHOST, <long>0)
        code |= curl.easy_setopt(easy, OPT_PROXY_SSL_VERIFYPEER, <long>0)
        code |= curl.easy_setopt(easy, OPT_PROXY_SSL_VERIFYHOST, <long>0)
    if core.ca_file != NULL or core.ca_path != NULL:
        # With a directory alone, NULL keeps libcurl from its built-in file, which may not exist.
        code |= curl.easy_setopt(easy, OPT_CAINFO, core.ca_file)
        code |= curl.easy_setopt(easy, OPT_PROXY_CAINFO, core.ca_file)
    if core.ca_path != NULL:
        code |= curl.easy_setopt(easy, OPT_CAPATH, core.ca_path)
        code |= curl.easy_setopt(easy, OPT_PROXY_CAPATH, core.ca_path)
    if core.cert_file != NULL:
        code |= curl.easy_setopt(easy, OPT_SSLCERT, core.cert_file)
        code |= curl.easy_setopt(easy, OPT_SSLKEY, core.key_file if core.key_file != NULL else core.cert_file)
    if core.key_password != NULL:
        code |= curl.easy_setopt(easy, OPT_KEYPASSWD, core.key_password)
    return code


cdef int transfer_prepare_operation(Transfer *transfer, Op *op) noexcept nogil:
    """The options that are the same for all requests of an operation; a CURLcode, or E_OUT_OF_MEMORY."""
    cdef void *easy = transfer.easy
    cdef int code = 0
    cdef int i, count = op.line_count
    cdef Slist *grown
    if transfer.line_capacity < count + VARIABLE_LINES:
        grown = <Slist *>realloc(transfer.lines, (count + VARIABLE_LINES) * sizeof(Slist))
        if grown == NULL:
            return E_OUT_OF_MEMORY
        transfer.lines = grown
        transfer.line_capacity = count + VARIABLE_LINES
    for i in range(count):
        transfer.lines[i].text = op.lines[i]
    transfer.lines[count].text = <char *>b"Expect:"
    count += 1
    if op.request_id_stem != NULL:
        transfer.lines[count].text = transfer.request_id
        count += 1
    if op.deadline_header:
        transfer.lines[count].text = transfer.deadline
        count += 1
    for i in range(count):
        transfer.lines[i].next = &transfer.lines[i + 1] if i + 1 < count else NULL
    code |= curl.easy_setopt(easy, OPT_HTTPHEADER, transfer.lines)
    code |= curl.easy_setopt(easy, OPT_TIMEOUT_MS, op.timeout_ms)
    code |= curl.easy_setopt(easy, OPT_CONNECTTIMEOUT_MS, op.connect_timeout_ms)
    # HTTPGET first: it undoes what an earlier operation asked for with NOBODY or POST.
    code |= curl.easy_setopt(easy, OPT_HTTPGET, <long>1)
    if op.head:
        code |= curl.easy_setopt(easy, OPT_NOBODY, <long>1)
    elif not op.bodyless:
        code |= curl.easy_setopt(easy, OPT_POST, <long>1)
    code |= curl.easy_setopt(easy, OPT_CUSTOMREQUEST, op.method)
    transfer.serial = op.serial if code == 0 else 0
    transfer.route = -1
    return code


cdef int transfer_prepare_route(Transfer *transfer, Op *op, int number) noexcept nogil:
    cdef Route *route = &op.routes[number]
    cdef int version = transfer.multi.loop.core.http_version
    cdef int code = curl.easy_setopt(transfer.easy, OPT_URL, route.url)
    # Explicit even when empty, as NOPROXY is: libcurl must not read the environment by itself.
    code |= curl.easy_setopt(transfer.easy, OPT_PROXY, route.proxy)
    # Over TLS the version is negotiated, and an older one is fine.  In clear text HTTP/2 must be known beforehand.
    cdef long wanted = HTTP_VERSION_1_1
    if version == 2:
        wanted = HTTP_VERSION_2TLS if route.secure else HTTP_VERSION_2_PRIOR_KNOWLEDGE
    elif version == 3 and route.secure:
        wanted = HTTP_VERSION_3
    code |= curl.easy_setopt(transfer.easy, OPT_HTTP_VERSION, wanted)
    transfer.route = number if code == 0 else -1
    return code


cdef int transfer_begin(Transfer *transfer, Lane *lane, Py_ssize_t index, int route, int hedge) noexcept nogil:
    """Make the transfer carry an attempt of request `index`, or its hedge, and give it to its multi; a CURLcode."""
    cdef Op *op = lane.op
    cdef Request *request = &op.requests[index]
    cdef int code = 0
    transfer.lane = lane
    transfer.index = index
    transfer.status = 0
    transfer.headed = False
    transfer.retry_after_ms = 0
    transfer.error[0] = 0
    transfer.broken = False
    transfer.headers.size = 0
    transfer.body.size = 0
    transfer.decoding = op.embeddings
    if op.embeddings:
        if transfer.reader == NULL:
            transfer.reader = new AnswerReader()
        transfer.reader.start(request.rows, <void *>transfer, claim_rows, hedge > 0)
    if transfer.not_following:
        code |= curl.easy_setopt(transfer.easy, OPT_FOLLOWLOCATION, <long>FOLLOW_OBEYCODE)
        transfer.not_following = False
    if transfer.serial != op.serial:
        code |= transfer_prepare_operation(transfer, op)
    if transfer.route != route:
        code |= transfer_prepare_route(transfer, op, route)
    if op.request_id_stem != NULL and hedge > 0:
        snprintf(transfer.request_id, sizeof(transfer.request_id),
                 b"x-baseten-customer-request-id: %s-%zd-hedge-%d", op.request_id_stem, index, hedge)
    elif op.request_id_stem != NULL:
        snprintf(transfer.request_id, sizeof(transfer.request_id), b"x-baseten-customer-request-id: %s-%zd-%d",
                 op.request_id_stem, index, <int>request.attempts)
    if op.deadline_header:
        snprintf(transfer.deadline, sizeof(transfer.deadline), b"request-deadline-ms: %lld",
                 unix_ms() + op.timeout_ms)
    if not op.bodyless:
        code |= curl.easy_setopt(transfer.easy, OPT_POSTFIELDSIZE_LARGE, <curl_off_t>request.body_size)
        code |= curl.easy_setopt(transfer.easy, OPT_POSTFIELDS, request.body)
    transfer.hedge = hedge
    transfer.slot = hedge == 0
    request.tried |= (<unsigned long long>1 << route) if route < 64 else 0
    if hedge == 0:
        request.attempts += 1
    lane_link(lane, transfer)
    transfer.multi.active += 1
    transfer.multi.loop.load += 1
    if code == 0 and curl.multi_add_handle(transfer.multi.handle, transfer.easy) != 0:
        code = E_OUT_OF_MEMORY
    return code


cdef void transfer_end(Transfer *transfer) noexcept nogil:
    """Take the transfer from its lane and its multi, wherever it stands, and make it idle.

    Removing an unfinished attempt from the multi aborts it on the wire.
    """
    curl.multi_remove_handle(transfer.multi.handle, transfer.easy)
    timers_remove(&transfer.multi.loop.timers, &transfer.hedge_timer)
    if transfer.twin != NULL:
        transfer.twin.twin = NULL
        transfer.twin = NULL
    if transfer.retry:
        transfer.retry = False
        endpoint_retry_ended(transfer.lane.op.routes[transfer.route].endpoint)
    lane_unlink(transfer.lane, transfer)
    transfer.lane = NULL
    transfer.multi.active -= 1
    transfer.multi.loop.load -= 1
    transfer.next = transfer.multi.idle
    transfer.multi.idle = transfer
    if transfer.multi.active == 0:
        transfer.multi.idle_since = transfer.multi.loop.now
