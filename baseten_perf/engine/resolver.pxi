# The resolver of a connection pool: what is known of the hosts that its routes name, and the look-ups that find it out.
#
# libcurl looks a name up for each transfer anew, though 256 may ask at once, and keeps nothing while one of the two
# answers is missing.  So names are looked up here: of each host one A and one AAAA look-up at a time, each a getaddrinfo in a
# detached thread of its own.  An answer that comes alone waits RESOLUTION_DELAY for the other and is then used without
# it (RFC 8305, section 3); IPv6 alone only where there is a way to it.  libcurl tries the addresses of both in turn.
#
# Addresses are looked up again when they are used after FRESH, and used meanwhile until GOOD.  Later than that, or when a
# connection has failed, transfers wait for the look-up; but not beyond PATIENCE_WITH_OLD, since old addresses
# are better than none (RFC 8767, section 5).
#
# Owner: reference counted; the core that lists it, each route that names it and each look-up that is out hold one
# reference.  So a thread that getaddrinfo keeps is never waited for.  A forked child has a core of its own, without hosts.

cdef extern from * nogil:
    """
    #include <arpa/inet.h>
    #include <cstdio>
    #include <cstdlib>
    #include <cstring>
    #include <netdb.h>
    #include <netinet/in.h>

    // What getaddrinfo finds in one family, as CURLOPT_RESOLVE takes it: "192.0.2.1,192.0.2.2" or "[2001:db8::1]"; on the
    // heap.  Addresses of one link only, which libcurl cannot be told, are left out.  NULL when the look-up has failed.
    static inline char *find_addresses(const char *name, int family, int *failure, int *system_error) {
        struct addrinfo hints, *found = nullptr;
        memset(&hints, 0, sizeof hints);
        hints.ai_family = family;
        hints.ai_socktype = SOCK_STREAM;
    #if defined(__APPLE__)
        hints.ai_flags = AI_ADDRCONFIG;     // without any flag AAAA would bring IPv4 addresses in IPv6's clothes
    #endif
        *failure = getaddrinfo(name, nullptr, &hints, &found);
        *system_error = errno;
        if (*failure != 0) return nullptr;
        size_t count = 0;
        for (struct addrinfo *one = found; one != nullptr; one = one->ai_next) ++count;
        char *text = static_cast<char *>(malloc(count * (INET6_ADDRSTRLEN + 3) + 1));
        if (text == nullptr) *failure = EAI_MEMORY;
        char *end = text;
        for (struct addrinfo *one = found; text != nullptr && one != nullptr; one = one->ai_next) {
            char shown[INET6_ADDRSTRLEN];
            bool wide = one->ai_family == AF_INET6;
            auto *six = reinterpret_cast<struct sockaddr_in6 *>(one->ai_addr);
            auto *four = reinterpret_cast<struct sockaddr_in *>(one->ai_addr);
            if (wide && six->sin6_scope_id != 0) continue;
            const void *address = wide ? static_cast<void *>(&six->sin6_addr) : static_cast<void *>(&four->sin_addr);
            if (inet_ntop(one->ai_family, address, shown, sizeof shown) == nullptr) continue;
            const char *form = wide ? "%s[%s]" : "%s%s";
            end += snprintf(end, INET6_ADDRSTRLEN + 3, form, end != text ? "," : "", shown);
        }
        if (text != nullptr) *end = 0;
        if (found != nullptr) freeaddrinfo(found);
        return text;
    }

    // Whether there is a way to the first of these IPv6 addresses: a datagram socket is connected, nothing is sent.
    static inline bool has_way(const char *addresses) {
        char first[INET6_ADDRSTRLEN] = "";
        struct sockaddr_in6 there;
        memset(&there, 0, sizeof there);
        there.sin6_family = AF_INET6;
        there.sin6_port = htons(443);
        if (sscanf(addresses, "[%45[^]]", first) != 1 || inet_pton(AF_INET6, first, &there.sin6_addr) != 1) return false;
        int fd = socket(AF_INET6, SOCK_DGRAM, 0);
        bool way = fd >= 0 && connect(fd, reinterpret_cast<struct sockaddr *>(&there), sizeof there) == 0;
        if (fd >= 0) close(fd);
        return way;
    }

    // Whether the answer is that there is no such address, rather than none.
    static inline bool is_denial(int failure) {
        switch (failure) {
        case EAI_NONAME:
    #if defined(EAI_NODATA) && EAI_NODATA != EAI_NONAME
        case EAI_NODATA:
    #endif
    #if defined(EAI_ADDRFAMILY) && EAI_ADDRFAMILY != EAI_NONAME
        case EAI_ADDRFAMILY:
    #endif
            return true;
        }
        return false;
    }
    static inline const char *failure_text(int failure, int system_error) {
        return failure == EAI_SYSTEM ? strerror(system_error) : gai_strerror(failure);
    }
    """
    int AF_INET
    int AF_INET6
    int EAI_SYSTEM
    char *find_addresses(const char *name, int family, int *failure, int *system_error)
    bint has_way(const char *addresses)
    bint is_denial(int failure)
    const char *failure_text(int failure, int system_error)

cdef long long RESOLUTION_DELAY = 50000000
cdef long long FRESH = 60000000000
cdef long long GOOD = 120000000000
cdef long long PATIENCE_WITH_OLD = 1800000000
cdef long long AFTER_FAILED_LOOK_UP = 1000000000

# All but `host` and `family`, which are constant, is guarded by the host's monitor.
cdef struct LookUp:
    Host *host
    int family
    bint out                        # a thread has it
    char *addresses                 # the answer; NULL for none
    int failure                     # getaddrinfo's reason for that
    int system_error                # errno, where that is the reason

cdef struct Host:
    int refs
    char *name
    Host *next                      # in core.hosts
    int version                     # atomic: number of the addresses, never used again; 0 after a failed connection
    # shared
    Monitor *monitor
    LookUp look_ups[2]              # A, AAAA
    bint asking                     # transfers that wait are told when these look-ups end
    int round                       # how often that was
    char *addresses                 # of both; "" when libcurl cannot be told them; NULL when none are known
    long long fresh_until           # when they are used later they are looked up again; 0 for at once
    long long good_until            # when they are used later, that is waited for
    char reason[128]                # why the last look-ups found nothing
    bint short                      # it was for want of a descriptor
    Transfer *waiting               # FIFO of transfers that wait for the look-ups
    Transfer *waiting_last

cdef int versions_made = 0          # atomic


cdef Host *host_new(const char *name) noexcept nogil:
    cdef Host *host = <Host *>calloc(1, sizeof(Host))
    if host == NULL:
        return NULL
    host.refs = 1
    host.monitor = new Monitor()
    host.look_ups[0].host = host.look_ups[1].host = host
    host.look_ups[0].family = AF_INET
    host.look_ups[1].family = AF_INET6
    host.name = strdup(name)
    if host.name == NULL:
        host_drop(host)
        return NULL
    return host


cdef void host_drop(Host *host) noexcept nogil:
    if host == NULL or count_down(&host.refs) > 0:
        return
    free(host.look_ups[0].addresses)
    free(host.look_ups[1].addresses)
    free(host.addresses)
    free(host.name)
    del host.monitor
    free(host)


cdef int host_ask(Host *host) noexcept nogil:
    """With the monitor held: which look-ups host_send must start after unlocking, a bit for each."""
    cdef int number
    cdef int wanted = 0
    cdef LookUp *look_up
    if host.asking:
        return 0
    host.asking = True
    for number in range(2):
        look_up = &host.look_ups[number]
        # One may be out still, which the last round went on without.
        if not look_up.out:
            free(look_up.addresses)
            look_up.addresses = NULL
            look_up.out = True
            count_up(&host.refs)
            wanted |= 1 << number
    return wanted


cdef void host_send(Host *host, int wanted) noexcept nogil:
    cdef int number, failed
    for number in range(2):
        if (wanted >> number) & 1:
            failed = start_thread(look_up_body, <void *>&host.look_ups[number])
            if failed != 0:
                look_up_ends(&host.look_ups[number], NULL, EAI_SYSTEM, failed)


cdef void *look_up_body(void *look_up_) noexcept nogil:
    cdef LookUp *look_up = <LookUp *>look_up_
    cdef int failure = 0
    cdef int system_error = 0
    cdef char *addresses = find_addresses(look_up.host.name, look_up.family, &failure, &system_error)
    if addresses == NULL and no_descriptor_is_left():
        # Whatever the system calls it, it says nothing of the host.
        failure = EAI_SYSTEM
        system_error = errno
    look_up_ends(look_up, addresses, failure, system_error)
    return NULL


cdef void look_up_ends(LookUp *look_up, char *addresses, int failure, int system_error) noexcept nogil:
    """Take in the answer; the last look-up to end speaks for both, and one with an answer only waits so long for the other."""
    cdef Host *host = look_up.host
    cdef LookUp *other = &host.look_ups[1] if look_up == &host.look_ups[0] else &host.look_ups[0]
    cdef bint usable = addresses != NULL and (look_up.family == AF_INET or host_has_way(addresses))
    cdef long long until = monotonic_ns() + RESOLUTION_DELAY
    cdef bint speaks
    host.monitor.lock()
    look_up.out = False
    look_up.addresses = addresses
    look_up.failure = failure
    look_up.system_error = system_error
    host.monitor.notify()
    if usable and other.out:
        while other.out and monotonic_ns() < until:
            host.monitor.wait(until - monotonic_ns())
        speaks = other.out
    else:
        # A straggler that found nothing adds nothing.
        speaks = not other.out and (host.asking or addresses != NULL)
    if speaks:
        host_settle(host, monotonic_ns())
    host.monitor.unlock()
    host_wake_waiting(host)
    host_drop(host)


cdef bint host_has_way(const char *addresses) noexcept nogil:
    # As in on_open_socket: no child may inherit the descriptor.
    descriptors.monitor.lock()
    cdef bint way = has_way(addresses)
    descriptors.monitor.unlock()
    return way


cdef void host_settle(Host *host, long long now) noexcept nogil:
    """With the monitor held: what the look-ups have found is what transfers use from now on."""
    cdef LookUp *four = &host.look_ups[0]
    cdef LookUp *six = &host.look_ups[1]
    cdef char *joined = NULL
    cdef LookUp *telling = six if is_denial(four.failure) and not is_denial(six.failure) else four
    host.asking = False
    host.round += 1
    if four.addresses != NULL or six.addresses != NULL:
        joined = join_addresses(six.addresses, four.addresses)
    if joined != NULL:
        free(host.addresses)
        host.addresses = joined
        host.fresh_until = now + FRESH
        host.good_until = now + GOOD
        count_set(&host.version, count_up(&versions_made))
        return
    snprintf(host.reason, sizeof(host.reason), b"%s", failure_text(telling.failure, telling.system_error))
    host.short = telling.failure == EAI_SYSTEM and (telling.system_error == EMFILE or telling.system_error == ENFILE)
    if is_denial(four.failure) and is_denial(six.failure):
        free(host.addresses)
        host.addresses = NULL
        host.fresh_until = host.good_until = 0
        count_set(&host.version, 0)
    elif host.addresses != NULL:
        host.fresh_until = now + AFTER_FAILED_LOOK_UP
        host.good_until = now + FRESH
        count_set(&host.version, count_up(&versions_made))


cdef char *join_addresses(const char *first, const char *second) noexcept nogil:
    """Both lists, either of which may be empty or NULL, as one; NULL when memory has run out."""
    cdef size_t before = strlen(first) if first != NULL else 0
    cdef size_t behind = strlen(second) if second != NULL else 0
    cdef char *joined = <char *>malloc(before + behind + 2)
    cdef char *place = joined
    if joined == NULL:
        return NULL
    if before > 0:
        place = put_text(place, first, before)
    if before > 0 and behind > 0:
        place = put_text(place, b",", 1)
    if behind > 0:
        place = put_text(place, second, behind)
    place[0] = 0
    return joined


cdef void host_wake_waiting(Host *host) noexcept nogil:
    """Wake the loops of all transfers that wait for look-ups that have ended."""
    cdef Transfer *transfer
    cdef Share *share = NULL
    while True:
        host.monitor.lock()
        transfer = host.waiting
        if transfer != NULL and transfer.wait.round == host.round:
            transfer = NULL
        if transfer != NULL:
            share = transfer.share
            host_leave(host, transfer)
        host.monitor.unlock()
        if transfer == NULL:
            return
        # The transfer is its loop's again, and may be gone.  Its reference keeps the share.
        loop_enqueue(share.loop, share)
        op_drop(share.op)


cdef void host_join(Host *host, Transfer *transfer) noexcept nogil:
    """With the monitor held: the transfer waits for the look-ups that are out, and holds a reference to its operation."""
    count_up(&transfer.share.op.refs)
    count_set(&transfer.wait.listed, 1)
    transfer.wait.round = host.round
    transfer.wait.after = NULL
    transfer.wait.before = host.waiting_last
    if host.waiting_last != NULL:
        host.waiting_last.wait.after = transfer
    else:
        host.waiting = transfer
    host.waiting_last = transfer


cdef void host_leave(Host *host, Transfer *transfer) noexcept nogil:
    """With the monitor held: the transfer waits no longer; its reference is the caller's."""
    if transfer.wait.before != NULL:
        transfer.wait.before.wait.after = transfer.wait.after
    else:
        host.waiting = transfer.wait.after
    if transfer.wait.after != NULL:
        transfer.wait.after.wait.before = transfer.wait.before
    else:
        host.waiting_last = transfer.wait.before
    count_set(&transfer.wait.listed, 0)


cdef void host_doubt(Host *host, int version) noexcept nogil:
    """No connection could be made to the addresses of this version: the next transfer looks them up again."""
    host.monitor.lock()
    if version != 0 and version == count_now(&host.version):
        count_set(&host.version, 0)
        host.fresh_until = host.good_until = 0
    host.monitor.unlock()
