# The native part of a connection pool: its settings and its loops.  And the list of all loops of the process.
#
# Owner: reference counted; the Python Engine, each running loop thread and each operation hold one reference.  The
# settings are constant; `monitor` guards what loops share.  Loops are started when they are first needed, with the GIL held.

cdef struct Core:
    int refs
    int http_version                # 1, 2 or 3
    char *no_proxy
    bint verify                     # servers' certificates
    char *ca_file                   # NULL: libcurl's built-in path
    char *ca_path                   # NULL: no directory of certificates
    char *cert_file                 # the client's own certificate, or NULL
    char *key_file                  # NULL: the key is in cert_file
    char *key_password              # or NULL
    char *unix_socket               # path that all connections go to, or NULL
    bint use_epoll
    int most_loops
    Loop *loops[MOST_LOOPS]
    Host *hosts                     # a reference to each; see names.pxi
    Monitor *monitor
    Stamp stamp                     # guarded, as are the next two: of the files that `sessions` come from
    Sessions *sessions              # idle ones
    int session_count

cdef Monitor *all_loops_monitor
cdef Loop *all_loops = NULL
cdef int process_ends = 0            # atomic


cdef void core_drop(Core *core) noexcept nogil:
    cdef int number
    cdef Host *host
    if count_down(&core.refs) > 0:
        return
    while core.hosts != NULL:
        host = core.hosts
        core.hosts = host.next
        host_drop(host)
    for number in range(MOST_LOOPS):
        if core.loops[number] != NULL:
            loop_free(core.loops[number])
    sessions_free_all(core.sessions)
    del core.monitor
    free(core.ca_file)
    free(core.ca_path)
    free(core.cert_file)
    free(core.key_file)
    free(core.key_password)
    free(core.unix_socket)
    free(core.no_proxy)
    free(core)


cdef void loops_add(Loop *loop) noexcept nogil:
    global all_loops
    all_loops_monitor.lock()
    loop.next_loop = all_loops
    all_loops = loop
    all_loops_monitor.unlock()


cdef void loops_remove(Loop *loop) noexcept nogil:
    global all_loops
    cdef Loop **place = &all_loops
    all_loops_monitor.lock()
    while place[0] != loop:
        place = &place[0].next_loop
    place[0] = loop.next_loop
    all_loops_monitor.notify()
    all_loops_monitor.unlock()


cdef void forget_loops() noexcept nogil:
    """In a forked child: its parent's loops do not exist here."""
    global all_loops, all_loops_monitor
    all_loops = NULL
    all_loops_monitor = new Monitor()


cdef void op_stay_silent(Op *op) noexcept nogil:
    """With the monitor held: as long as the process ends, for ever.  Only daemon threads are left to wait then.

    What they would raise would be printed, though the program has ended well.
    """
    while count_now(&process_ends):
        op.monitor.wait(1000000000)


def _stop_loops(double seconds) -> None:
    """At exit: abort what is in flight and wait for the loop threads to end, at most `seconds`."""
    cdef Loop *loop
    count_set(&process_ends, 1)
    cdef long long until = monotonic_ns() + <long long>(seconds * 1e9)
    with nogil:
        all_loops_monitor.lock()
        loop = all_loops
        while loop != NULL:
            loop_stop(loop)
            loop = loop.next_loop
        while all_loops != NULL and monotonic_ns() < until:
            all_loops_monitor.wait(until - monotonic_ns())
        all_loops_monitor.unlock()
