# The options of a transfer's easy handle, set as seldom as they change: once, per plan, per route.

cdef int transfer_settle_in(Transfer *transfer, Loop *loop) noexcept nogil:
    """The options that never change in a transfer's life; a CURLcode."""
    cdef void *easy = transfer.easy
    cdef Core *core = loop.core
    cdef int code = 0
    code |= curl.easy_setopt(easy, CURLOPT_PRIVATE, <void *>transfer)
    code |= curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, <char *>transfer.error)
    code |= curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, <void *>on_body)
    code |= curl.easy_setopt(easy, CURLOPT_WRITEDATA, <void *>transfer)
    code |= curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, <void *>on_header)
    code |= curl.easy_setopt(easy, CURLOPT_HEADERDATA, <void *>transfer)
    code |= curl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, <void *>on_open_socket)
    code |= curl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, <void *>transfer)
    # Connections keep this beyond the transfer that made them, so its argument must be the loop.
    code |= curl.easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, <void *>on_close_socket)
    code |= curl.easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, <void *>loop)
    code |= curl.easy_setopt(easy, CURLOPT_NOSIGNAL, <long>1)
    code |= curl.easy_setopt(easy, CURLOPT_NOPROGRESS, <long>1)
    code |= curl.easy_setopt(easy, CURLOPT_BUFFERSIZE, <long>262144)
    code |= curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, <char *>b"http,https")
    code |= curl.easy_setopt(easy, CURLOPT_MAXREDIRS, <long>10)
    code |= curl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, <long>1)
    code |= curl.easy_setopt(easy, CURLOPT_MAXAGE_CONN, <long>IDLE_SECONDS)
    if not codings_are_ours:
        code |= curl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, <char *>b"")
    code |= curl.easy_setopt(easy, CURLOPT_NOPROXY, core.no_proxy)
    code |= transfer_may_be_redirected(transfer)
    if core.http_version != 1:
        # Rather wait for a connection that can be shared than open one more.
        code |= curl.easy_setopt(easy, CURLOPT_PIPEWAIT, <long>1)
    if core.unix_socket != NULL:
        code |= curl.easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, core.unix_socket)
    return code | transfer_settle_tls(transfer, core)


cdef int transfer_settle_tls(Transfer *transfer, Core *core) noexcept nogil:
    cdef void *easy = transfer.easy
    cdef int code = 0
    if not core.verify:
        code |= curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, <long>0)
        code |= curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, <long>0)
        code |= curl.easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, <long>0)
        code |= curl.easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, <long>0)
    if transfer.multi.trust_store != NULL:
        code |= transfer_settle_trust_store(transfer, core)
    elif core.ca_file != NULL or core.ca_path != NULL:
        # With a directory alone, NULL keeps libcurl from its built-in file, which may not exist.
        code |= curl.easy_setopt(easy, CURLOPT_CAINFO, core.ca_file)
        code |= curl.easy_setopt(easy, CURLOPT_PROXY_CAINFO, core.ca_file)
    if core.ca_path != NULL:
        code |= curl.easy_setopt(easy, CURLOPT_CAPATH, core.ca_path)
        code |= curl.easy_setopt(easy, CURLOPT_PROXY_CAPATH, core.ca_path)
    if core.cert_file != NULL:
        code |= curl.easy_setopt(easy, CURLOPT_SSLCERT, core.cert_file)
        code |= curl.easy_setopt(easy, CURLOPT_SSLKEY, core.key_file if core.key_file != NULL else core.cert_file)
    if core.key_password != NULL:
        code |= curl.easy_setopt(easy, CURLOPT_KEYPASSWD, core.key_password)
    return code


cdef int transfer_prepare_plan(Transfer *transfer, Plan *plan) noexcept nogil:
    """The options that are the same for all requests of a plan; a CURLcode."""
    cdef void *easy = transfer.easy
    cdef int code = transfer_prepare_lines(transfer, plan)
    code |= curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, plan.timeout_ms)
    code |= curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, plan.connect_timeout_ms)
    # HTTPGET first: it undoes what an earlier operation asked for with NOBODY or POST.
    code |= curl.easy_setopt(easy, CURLOPT_HTTPGET, <long>1)
    if plan.head:
        code |= curl.easy_setopt(easy, CURLOPT_NOBODY, <long>1)
    elif not plan.bodyless:
        code |= curl.easy_setopt(easy, CURLOPT_POST, <long>1)
    code |= curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, plan.method)
    transfer.serial = plan.serial if code == 0 else 0
    transfer.route = -1
    return code


cdef int transfer_prepare_route(Transfer *transfer, Plan *plan, int number) noexcept nogil:
    cdef Route *route = &plan.routes[number]
    cdef int version = transfer.multi.loop.core.http_version
    # As a CURLU, which libcurl would otherwise make of the text for each request.  What cannot be one is for it to refuse.
    cdef bint parsed = curl.url_set(transfer.url, CURLUPART_URL, route.url, 0) == 0
    cdef int code = curl.easy_setopt(transfer.easy, CURLOPT_CURLU, transfer.url if parsed else NULL)
    if not parsed:
        code |= curl.easy_setopt(transfer.easy, CURLOPT_URL, route.url)
    # Explicit even when empty, as NOPROXY is: libcurl must not read the environment by itself.
    code |= curl.easy_setopt(transfer.easy, CURLOPT_PROXY, route.proxy)
    # Over TLS the version is negotiated, and an older one is fine.  In clear text HTTP/2 must be known beforehand.
    cdef long wanted = CURL_HTTP_VERSION_1_1
    if version == 2:
        wanted = CURL_HTTP_VERSION_2TLS if route.secure else CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
    elif version == 3 and route.secure:
        wanted = CURL_HTTP_VERSION_3
    code |= curl.easy_setopt(transfer.easy, CURLOPT_HTTP_VERSION, wanted)
    if version == 1 and route.secure and transfer.sessions == NULL:
        code |= transfer_take_sessions(transfer)
    transfer_take_names(transfer, route)
    transfer.route = number if code == 0 else -1
    return code
