# Trust stores: the trusted certificates of files and directories, parsed once for the process.
#
# libcurl parses a file of them for each multi: 8 ms for 144 certificates, where a handshake takes one.  So what it has parsed
# for one multi is handed to later ones, also of other clients, as long as the files stay what they were and no directory
# gets or loses one.  A multi that finds them changed takes no further transfers: for the next one libcurl parses them anew.

cdef enum:
    MOST_TRUST_STORES = 4

# Owner: reference counted; `trust_stores` and each multi that uses it hold one reference.
cdef struct TrustStore:
    int refs
    void *certificates              # OpenSSL's X509_STORE, a reference
    unsigned long long stamp        # of before they were parsed
    TrustStore *next                # in trust_stores, latest first

cdef Monitor *trust_stores_monitor
cdef TrustStore *trust_stores = NULL


cdef void trust_store_drop(TrustStore *store) noexcept nogil:
    if store != NULL and count_down(&store.refs) == 0:
        openssl.X509_STORE_free(store.certificates)
        free(store)


cdef TrustStore *trust_store_of(unsigned long long stamp) noexcept nogil:
    """A reference to the store of the files with this stamp; NULL when there is none."""
    trust_stores_monitor.lock()
    cdef TrustStore *store = trust_stores
    while store != NULL and store.stamp != stamp:
        store = store.next
    if store != NULL:
        count_up(&store.refs)
    trust_stores_monitor.unlock()
    return store


cdef void trust_store_keep(void *certificates, unsigned long long stamp) noexcept nogil:
    """Keep them for later multis, in place of those that were kept first when there are too many."""
    global trust_stores
    cdef TrustStore *store = <TrustStore *>calloc(1, sizeof(TrustStore))
    cdef TrustStore **place = &trust_stores
    cdef TrustStore *old
    cdef int count = 1
    if store == NULL or openssl.X509_STORE_up_ref(certificates) != 1:
        free(store)
        return
    store.refs = 1
    store.certificates = certificates
    store.stamp = stamp
    trust_stores_monitor.lock()
    store.next = trust_stores
    trust_stores = store
    while place[0] != NULL and count <= MOST_TRUST_STORES:
        place = &place[0].next
        count += 1
    old = place[0]
    place[0] = NULL
    trust_stores_monitor.unlock()
    while old != NULL:
        store = old
        old = store.next
        trust_store_drop(store)


cdef void forget_trust_stores() noexcept nogil:
    """In a forked child: threads of its parent may have held their locks."""
    global trust_stores, trust_stores_monitor
    trust_stores = NULL
    trust_stores_monitor = new Monitor()


cdef void multi_find_trust_store(Multi *multi) noexcept nogil:
    """Take the store of the multi's files; where there is none, libcurl parses them, and the first response leaves one."""
    cdef Core *core = multi.loop.core
    if openssl_is_bound and core.verify and (core.ca_file != NULL or core.ca_path != NULL):
        multi.trust_store = trust_store_of(multi.stamp.trusted)
        multi.leaves_trust_store = multi.trust_store == NULL


cdef void multi_leave_trust_store(Multi *multi, Transfer *transfer) noexcept nogil:
    """A server that was checked by them has responded to the transfer: keep the certificates that libcurl has parsed."""
    cdef curl_tlssessioninfo *session = NULL
    cdef TrustStore *store
    if not transfer.share.op.plan.routes[transfer.route].secure:
        return
    if (curl.easy_getinfo(transfer.easy, CURLINFO_TLS_SSL_PTR, &session) != 0 or session == NULL
            or session.backend != CURLSSLBACKEND_OPENSSL or session.internals == NULL
            or not openssl.SSL_is_init_finished(session.internals)):
        return
    multi.leaves_trust_store = False
    store = trust_store_of(multi.stamp.trusted)
    if store == NULL:
        trust_store_keep(
            openssl.SSL_CTX_get_cert_store(openssl.SSL_get_SSL_CTX(session.internals)), multi.stamp.trusted)
    trust_store_drop(store)
    # From now on further multis cost nothing.
    if multi.most_active == PARSING_MULTI_SIZE and multi.active <= MULTI_SIZE:
        multi.most_active = MULTI_SIZE


cdef int transfer_settle_trust_store(Transfer *transfer, Core *core) noexcept nogil:
    """Have the transfer's connections trust the multi's store; a CURLcode."""
    cdef void *easy = transfer.easy
    # Without any of them libcurl may parse what OpenSSL was built to look for.  Of a directory it reads nothing yet; and a
    # file that stands for one tells connections that trust it from others.
    cdef char *directories = core.ca_path if core.ca_path != NULL else core.ca_file
    cdef int code = 0
    code |= curl.easy_setopt(easy, CURLOPT_CAINFO, <char *>NULL)
    code |= curl.easy_setopt(easy, CURLOPT_CAPATH, directories)
    code |= curl.easy_setopt(easy, CURLOPT_PROXY_CAINFO, <char *>NULL)
    code |= curl.easy_setopt(easy, CURLOPT_PROXY_CAPATH, directories)
    code |= curl.easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, <void *>on_ssl_context)
    code |= curl.easy_setopt(easy, CURLOPT_SSL_CTX_DATA, <void *>transfer.multi)
    return code


cdef int on_ssl_context(void *easy, void *context, void *multi_) noexcept nogil:
    """libcurl's CURLOPT_SSL_CTX_FUNCTION, for each connection, to a proxy too; a CURLcode."""
    cdef Multi *multi = <Multi *>multi_
    if not same_stamp(core_stamp(multi.loop.core), multi.stamp):
        multi.outdated = True
        if multi.loop.epoll >= 0:
            multi.most_active = 0       # the portable loop has no other multi
    openssl.SSL_CTX_set1_cert_store(context, multi.trust_store.certificates)
    return CURLE_OK
