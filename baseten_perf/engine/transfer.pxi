# A transfer: libcurl's easy handle and the buffers that carry one attempt of a request at a time.
#
# Owner: the multi it belongs to; it is either idle there or listed in the share whose attempt it carries.  Received bytes
# are owned here until `completion_of` moves them into a NativeCompletion by pointer.

# Why we had libcurl end a transfer while it was receiving.
cdef enum Fault:
    FAULT_NONE
    FAULT_NO_MEMORY
    FAULT_HEAD_TOO_LARGE
    FAULT_TOO_LARGE                 # a success's body
    FAULT_CUT                       # an error's body, of which enough has come
    FAULT_UNDECODABLE               # the content coding of a success's body

cdef struct Transfer:
    void *easy
    void *url                       # libcurl's CURLU
    Multi *multi
    Sessions *sessions              # of TLS, or NULL
    Transfer *previous              # in share.transfers
    Transfer *next                  # there, or in multi.idle
    Share *share
    Request *request
    unsigned long long serial       # of the plan it is set up for
    int route                       # of that plan; it is set up for this one
    Counts *counts                  # of the route and the loop: where the attempt is counted
    Permit permit                   # it owns it until it is given back
    bint slot                       # counts as in flight: of an attempt and its hedge, one does
    int hedge                       # number of the hedge that it carries; 0 for the original
    Transfer *twin                  # the other of an attempt and its hedge
    Timer hedge_timer
    curl_slist *lines               # header list of our own, which libcurl only reads: see lines.pxi
    curl_slist *last_line
    char *joined
    size_t joined_size              # without what names the attempt
    char error[256]                 # libcurl's ERRORBUFFER
    int status                      # of the response that is arriving; 0 before its status line
    RetryHeaders retry_headers
    bint headed                     # the blank line behind the headers has come
    bint bodied                     # some of the body has come
    bint coded                      # the body has content codings that must be undone
    Fault fault
    size_t room                     # how many more bytes of the body may come
    bint redirected                 # some answer of this attempt sent it elsewhere
    bint msgpack                    # the answer says that it is MessagePack
    bint decoding                   # the body goes to `reader`, not to `body`
    int names                       # that its route needs the addresses of
    Resolved resolved[2]
    Wait wait                       # for one of them
    Bytes *body
    Bytes *headers
    EmbeddingsReader *reader        # made for the first embeddings request
    ContentDecoder *content         # made for the first response that has content codings


cdef Transfer *transfer_new(Multi *multi) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>calloc(1, sizeof(Transfer))
    if transfer == NULL:
        return NULL
    transfer.easy = curl.easy_init()
    transfer.url = curl.url()
    transfer.body = new Bytes()
    transfer.headers = new Bytes()
    transfer.multi = multi
    timer_init(&transfer.hedge_timer, HEDGE_DUE, <void *>transfer)
    if transfer.easy == NULL or transfer.url == NULL or transfer_settle_in(transfer, multi.loop) != 0:
        transfer_free(transfer)
        return NULL
    return transfer


cdef void transfer_free(Transfer *transfer) noexcept nogil:
    if transfer.easy != NULL:
        curl.easy_cleanup(transfer.easy)
    if transfer.sessions != NULL:
        transfer_leave_sessions(transfer)
    if transfer.url != NULL:
        curl.url_cleanup(transfer.url)
    del transfer.body
    del transfer.headers
    del transfer.reader
    del transfer.content
    free(transfer.lines)
    free(transfer.joined)
    free(transfer.resolved[0].text)
    free(transfer.resolved[1].text)
    free(transfer)


cdef int transfer_begin(Transfer *transfer, Share *share, Request *request, int route, int hedge) noexcept nogil:
    """Make the transfer carry an attempt of the request, or its hedge, and give it to its multi; a CURLcode."""
    cdef Op *op = share.op
    cdef int code = 0
    transfer.share = share
    transfer.request = request
    transfer.status = 0
    transfer.headed = False
    retry_headers_clear(&transfer.retry_headers)
    transfer.error[0] = 0
    transfer.fault = FAULT_NONE
    transfer.headers.size = 0
    transfer.body.size = 0
    transfer.decoding = op.embeddings
    if op.embeddings:
        if transfer.reader == NULL:
            transfer.reader = new EmbeddingsReader()
        transfer.reader.start(request.rows, <void *>transfer, reserve_rows, hedge > 0)
    if transfer.redirected:
        code |= transfer_may_be_redirected(transfer)
    if transfer.serial != request.plan.serial:
        code |= transfer_prepare_plan(transfer, request.plan)
    if transfer.route != route:
        code |= transfer_prepare_route(transfer, request.plan, route)
    if code == 0:
        transfer_write_lines(transfer, op, request, hedge)
    if not request.plan.bodyless:
        code |= curl.easy_setopt(transfer.easy, CURLOPT_POSTFIELDSIZE_LARGE, <curl_off_t>request.body_size)
        code |= curl.easy_setopt(transfer.easy, CURLOPT_POSTFIELDS, request.body)
    transfer.hedge = hedge
    transfer.slot = hedge == 0
    request.tried |= (<unsigned long long>1 << route) if route < REMEMBERED_ROUTES else 0
    if hedge == 0:
        request.attempts += 1
    transfer.counts = op.plan.routes[route].tally.counts[share.loop.number]
    counts_attempt(transfer.counts, request, hedge, 1)
    tally_add(&transfer.counts.in_flight, 1)
    share_link(share, transfer)
    transfer.multi.active += 1
    count_up(&transfer.multi.loop.load)
    return code if code != 0 else transfer_launch(transfer)


cdef void transfer_end(Transfer *transfer) noexcept nogil:
    """Take the transfer from its share and its multi, wherever it stands, and make it idle.

    Removing an unfinished attempt from the multi aborts it on the wire.
    """
    if transfer.wait.on:
        transfer_end_wait(transfer)
    else:
        curl.multi_remove_handle(transfer.multi.handle, transfer.easy)
    timers_remove(&transfer.multi.loop.timers, &transfer.hedge_timer)
    if transfer.twin != NULL:
        transfer.twin.twin = NULL
        transfer.twin = NULL
    permit_return(&transfer.permit, SIGNAL_NONE, 0, transfer.multi.loop.now * 1e-9)
    tally_add(&transfer.counts.in_flight, -1)
    share_unlink(transfer.share, transfer)
    transfer.share = NULL
    transfer.multi.active -= 1
    count_down(&transfer.multi.loop.load)
    transfer.next = transfer.multi.idle
    transfer.multi.idle = transfer
    if transfer.multi.active == 0:
        transfer.multi.idle_since = transfer.multi.loop.now
