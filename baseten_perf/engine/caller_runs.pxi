# A caller that blocks on a small operation runs the idle loop itself, in place of the loop's own thread.
#
# Two changes of thread cost more than a small request.  So the loop's thread waits while the caller of an operation of few
# requests runs the loop, with the loop's connections, timers and limits.  The caller stops after one slice of waiting, or
# when the operation is over, because it must look at Python's signals.  Then the loop's thread goes on at once if something
# is left to do.  Otherwise it waits a moment longer, because such calls follow each other.  A caller never runs a loop that
# serves other operations.
#
# A server on the same machine responds sooner than a sleeping thread wakes on another core.  Where the last responses came
# that soon, the caller polls for a moment before it sleeps: 76 -> 44 us for a tiny request, at the same CPU.

cdef enum:
    MOST_RUN_BY_CALLER = 8          # requests
    # A caller polls without sleeping only after so many responses that came soon.  After a poll that found nothing it takes
    # many more, so that polling costs little where responses take longer or where the server needs the core.
    SPIN_AFTER = 4
    SPIN_AFTER_MISS = 64

cdef long long THREAD_WAITS_NS = 100000000
cdef long long SPIN_NS = 80000


cdef bint caller_may_run(Op *op) noexcept nogil:
    return (op.mailbox == NULL and op.share_count == 1 and op.count <= MOST_RUN_BY_CALLER
            and op.shares[0].loop.epoll >= 0)


cdef bint caller_runs(Op *op, long long until) noexcept nogil:
    """Carry the operation in this thread until there is something to do, at most `until`; False when its loop is not idle."""
    cdef Loop *loop = op.shares[0].loop
    if not loop_caller_begins(loop):
        return False
    loop.now = monotonic_ns()
    op_wake_shares(op)
    loop_serve_inbox(loop)
    while not op_is_told(op) and loop.now < until and not count_now(&process_ends):
        loop_fire_timers(loop)
        loop_turn_epoll(loop, until)
        loop_serve_inbox(loop)
    loop_caller_ends(loop)
    return True


cdef int caller_waits(Loop *loop, int *fds, int *bits, int ms) noexcept nogil:
    """epoll_ready for a caller, which polls for a moment before it sleeps where the last responses came soon."""
    cdef int count = 0
    cdef bint spins = loop.spin_after == 0 and loop.core.most_loops > 1
    cdef long long began = monotonic_ns()
    while spins and count == 0 and monotonic_ns() - began < SPIN_NS:
        count = epoll_ready(loop.epoll, fds, bits, 64, 0)
    if count > 0:
        return count
    count = epoll_ready(loop.epoll, fds, bits, 64, ms)
    if spins:
        loop.spin_after = SPIN_AFTER_MISS
    elif count == 0 or monotonic_ns() - began >= SPIN_NS:
        loop.spin_after = max(loop.spin_after, SPIN_AFTER)
    elif loop.spin_after > 0:
        loop.spin_after -= 1
    return count


cdef bint loop_caller_begins(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    cdef bint idle = (not loop.caller_runs and loop.inbox == NULL and not loop.stopping
                      and count_now(&loop.attached) == 0)
    if idle:
        loop.caller_runs = True
        if not loop.thread_waits:
            loop_wake(loop)
        while not loop.thread_waits:
            loop.monitor.wait(1000000000)
    loop.monitor.unlock()
    return idle


cdef void loop_caller_ends(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    loop.caller_runs = False
    loop.attendant = NULL
    loop.thread_waits_until = monotonic_ns() + THREAD_WAITS_NS
    if not loop_is_quiet(loop):
        loop.monitor.notify()
    loop.monitor.unlock()


cdef inline bint loop_is_quiet(Loop *loop) noexcept nogil:
    """With the monitor held: is there nothing for its thread to do?"""
    return ((loop.shares == NULL or loop.attendant != NULL) and loop.inbox == NULL and not loop.stopping)


cdef void loop_thread_waits(Loop *loop) noexcept nogil:
    """The loop's own thread waits until it is needed again; with the monitor held."""
    cdef long long now, left
    loop.thread_waits = True
    loop.monitor.notify()
    while True:
        now = monotonic_ns()
        left = loop.thread_waits_until - now
        if not loop.caller_runs and (left <= 0 or not loop_is_quiet(loop)):
            break
        if loop.caller_runs:
            left = max(left, 1000000000)
        loop.thread_sleeps_until = now + left
        loop.monitor.wait(left)
    if loop.attendant != NULL:
        loop_is_left(loop)
    loop.thread_waits = False
