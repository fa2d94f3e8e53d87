# The sockets of one loop: opened and closed here, and watched by epoll across keep-alive requests.
#
# A connection of ours stays registered with epoll when a request ends: the next request on it then costs no system
# call (0.02 epoll_ctl per request instead of 2).  If an idle socket becomes readable (the server closed it), its
# registration is dropped.  Only for sockets that on_open_socket made: libcurl closes others without telling us, and
# their numbers may come back as something else.
#
# Newer versions of libcurl also have a descriptor of each multi watched as long as the multi has a transfer: that of
# curl_multi_wakeup, which lives as long as the multi, so it stays registered until then.  It comes with a handle of
# libcurl's own, which is no transfer of ours.

cdef enum:
    WAKEUP_UNKNOWN = -1
    WAKEUP_FORGOTTEN = -2           # the multi is being closed

cdef struct Socket:
    unsigned char ours
    unsigned char wanted            # CURL_POLL_IN | CURL_POLL_OUT bits that libcurl waits for; 0 when idle
    unsigned char watched           # what epoll has been told
    short multi                     # number of the multi it belongs to
    Tally *tally                    # a reference: of the attempt that it was opened for

cdef extern from * nogil:
    """
    #if defined(__linux__)
    constexpr bool have_epoll = true;
    static inline int epoll_open() { return epoll_create1(EPOLL_CLOEXEC); }
    static inline int epoll_watch(int epoll, int fd, int before, int wanted) {
        struct epoll_event event;
        event.events = (wanted & 1 ? EPOLLIN : 0u) | (wanted & 2 ? EPOLLOUT : 0u);
        event.data.u64 = static_cast<uint64_t>(fd);
        if (wanted == 0) return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
        return epoll_ctl(epoll, before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    }
    // Up to `room` ready descriptors and their CURL_CSELECT_* bits; 0 on time-out or interruption.
    static inline int epoll_ready(int epoll, int *fds, int *bits, int room, int ms) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, room < 64 ? room : 64, ms);
        for (int i = 0; i < count; ++i) {
            uint32_t seen = events[i].events;
            fds[i] = static_cast<int>(events[i].data.u64);
            bits[i] = (seen & (EPOLLIN | EPOLLHUP | EPOLLRDHUP) ? 1 : 0) | (seen & EPOLLOUT ? 2 : 0)
                      | (seen & EPOLLERR ? 4 : 0);
        }
        return count < 0 ? 0 : count;
    }
    #else
    constexpr bool have_epoll = false;
    static inline int epoll_open() { return -1; }
    static inline int epoll_watch(int, int, int, int) { return -1; }
    static inline int epoll_ready(int, int *, int *, int, int) { return 0; }
    #endif
    // A socket that no program started meanwhile by another thread inherits: it is made so where the system can do that
    // (libcurl's own type flags, in the upper bits, vary).
    static inline int private_socket(const int *numbers) {
    #if defined(SOCK_CLOEXEC)
        return socket(numbers[0], (numbers[1] & 0xf) | SOCK_CLOEXEC, numbers[2]);
    #else
        return close_on_exec(socket(numbers[0], numbers[1] & 0xf, numbers[2]));
    #endif
    }
    static inline int open_socket(const void *address) {
        const int *numbers = static_cast<const int *>(address);
        int fd = private_socket(numbers);
        if (fd < 0 && raise_descriptor_limit()) fd = private_socket(numbers);
        return fd;
    }
    """
    bint HAVE_EPOLL "have_epoll"
    int epoll_open()
    int epoll_watch(int epoll, int fd, int before, int wanted)
    int epoll_ready(int epoll, int *fds, int *bits, int room, int ms)
    int open_socket(const curl_sockaddr *address)


cdef Socket *loop_socket(Loop *loop, int fd) noexcept nogil:
    """What is known of descriptor `fd`; NULL when memory has run out."""
    cdef Socket *grown
    cdef int wanted
    if fd >= loop.socket_capacity:
        wanted = loop.socket_capacity * 2 if loop.socket_capacity else 256
        while wanted <= fd:
            wanted *= 2
        grown = <Socket *>realloc(loop.sockets, wanted * sizeof(Socket))
        if grown == NULL:
            return NULL
        memset(grown + loop.socket_capacity, 0, (wanted - loop.socket_capacity) * sizeof(Socket))
        loop.sockets = grown
        loop.socket_capacity = wanted
    return &loop.sockets[fd]


cdef inline void loop_unwatch(Loop *loop, int fd, Socket *known) noexcept nogil:
    if known.watched and loop.epoll >= 0:
        epoll_watch(loop.epoll, fd, known.watched, 0)
    known.watched = 0


cdef int on_open_socket(void *transfer_, int purpose, const curl_sockaddr *address) noexcept nogil:
    cdef Transfer *transfer = <Transfer *>transfer_
    cdef Loop *loop = transfer.multi.loop
    descriptors.monitor.lock()
    cdef bint withheld = descriptors.lent > 0
    cdef int fd = -1 if withheld else open_socket(address)
    if fd < 0 and (withheld or descriptors_used_up()):
        loop.shortage.seen = monotonic_ns()
        instant_set(&descriptors.scarce, seconds_now())
    cdef bint kept = fd >= 0 and descriptor_note(fd)
    descriptors.monitor.unlock()
    if fd < 0:
        return CURL_SOCKET_TIMEOUT  # CURL_SOCKET_BAD
    cdef Socket *known = loop_socket(loop, fd)
    if known == NULL or not kept:
        descriptor_close(fd)
        return CURL_SOCKET_TIMEOUT
    memset(known, 0, sizeof(Socket))
    known.ours = True
    known.tally = transfer.share.op.plan.routes[transfer.route].tally
    count_up(&known.tally.refs)
    tally_add(&transfer.counts.connections_open, 1)
    return fd


cdef int on_close_socket(void *loop_, int fd) noexcept nogil:
    cdef Loop *loop = <Loop *>loop_
    cdef Socket *known = loop_socket(loop, fd)
    if known != NULL:
        # By hand: if a forked child still holds the socket, closing it here would leave it in the epoll set.
        loop_unwatch(loop, fd, known)
        if known.tally != NULL:
            tally_add(&known.tally.counts[loop.number].connections_open, -1)
            tally_drop(known.tally)
        memset(known, 0, sizeof(Socket))
    descriptor_close(fd)
    return 0


cdef int on_socket(void *easy, int fd, int what, void *multi_, void *unused) noexcept nogil:
    """libcurl's CURLMOPT_SOCKETFUNCTION: -1 makes it fail the transfers on this socket."""
    cdef Multi *multi = <Multi *>multi_
    cdef Socket *known = loop_socket(multi.loop, fd)
    if known == NULL:
        return -1
    if multi.wakeup == WAKEUP_UNKNOWN and not known.ours:
        multi_learn_wakeup(multi, easy, fd)
    known.multi = <short>multi.number
    known.wanted = 0 if what == CURL_POLL_REMOVE else what
    if known.wanted == known.watched or (known.wanted == 0 and (known.ours or fd == multi.wakeup)):
        return 0
    if epoll_watch(multi.loop.epoll, fd, known.watched, known.wanted) != 0 and known.wanted != 0:
        return -1
    known.watched = known.wanted
    return 0


cdef void multi_learn_wakeup(Multi *multi, void *easy, int fd) noexcept nogil:
    cdef Transfer *transfer = NULL
    # libcurl refuses to tell of its own handles.
    if curl.easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) != 0 or transfer == NULL:
        multi.wakeup = fd


cdef void multi_forget_wakeup(Multi *multi) noexcept nogil:
    """Before libcurl closes it: its number may come back as something else."""
    cdef int fd = multi.wakeup
    cdef Socket *known = loop_socket(multi.loop, fd) if fd >= 0 else NULL
    multi.wakeup = WAKEUP_FORGOTTEN
    if known != NULL:
        loop_unwatch(multi.loop, fd, known)
        memset(known, 0, sizeof(Socket))


cdef void loop_socket_ready(Loop *loop, int fd, int bits) noexcept nogil:
    cdef Socket *known = loop_socket(loop, fd)
    cdef Multi *multi
    cdef int running
    if known == NULL:
        return
    multi = loop.multis[known.multi]
    if known.wanted == 0 or multi == NULL:
        # An event of before the socket was closed finds nothing here: its number may be another thread's by now.
        loop_unwatch(loop, fd, known)
        return
    curl.multi_socket_action(multi.handle, fd, bits, &running)
    multi_reap(multi)
