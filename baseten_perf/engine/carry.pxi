# A caller that blocks on a small operation carries it itself: it borrows the idle loop and is its thread for a while.
#
# Two changes of thread cost more than a small request.  So the caller of an operation of few requests takes the place of
# the loop's own thread, which steps aside: connections, timers and limits are the loop's as ever.  After one slice of
# waiting, or when the operation is over, the loop is given back, since the caller must look at Python's signals.  Its
# thread goes on at once when something is left to do; otherwise it stays aside for a moment, because calls like this one
# come one after another.  A loop that serves other operations is never borrowed.
#
# A server on the same machine answers sooner than a sleeper is woken on another core.  Where the last answers came that
# soon, the caller looks for the next one for a moment before it sleeps: 76 -> 44 us for a tiny request, at the same CPU.

cdef enum:
    MOST_CARRIED_BY_CALLER = 8      # requests
    # So many answers must have come soon before a caller looks for one without sleeping; after a vain look, many more: so
    # that it costs little where answers take longer, or where the server needs the core.
    RESERVE = 4
    RESERVE_AFTER_VAIN_LOOK = 64

cdef long long ASIDE_NS = 100000000
cdef long long SOON_NS = 80000


cdef bint caller_may_carry(Op *op) noexcept nogil:
    return (op.mailbox == NULL and op.lane_count == 1 and op.count <= MOST_CARRIED_BY_CALLER
            and op.lanes[0].loop.epoll >= 0)


cdef bint caller_carries(Op *op, long long until) noexcept nogil:
    """Carry the operation in this thread until there is something to do, at most `until`; False when its loop is not idle."""
    cdef Loop *loop = op.lanes[0].loop
    if not loop_borrow(loop):
        return False
    loop.now = monotonic_ns()
    op_wake_lanes(op)
    loop_serve_inbox(loop)
    while not op_is_told(op) and loop.now < until and not count_now(&process_ends):
        loop_fire_timers(loop)
        loop_turn_epoll(loop, until)
        loop_serve_inbox(loop)
    loop_give_back(loop)
    return True


cdef int caller_sleeps(Loop *loop, int *fds, int *bits, int ms) noexcept nogil:
    """epoll_ready for a caller, who looks for a moment before it sleeps where the last answers came soon."""
    cdef int count = 0
    cdef bint looked = loop.reserve == 0 and loop.core.most_loops > 1
    cdef long long began = monotonic_ns()
    while looked and count == 0 and monotonic_ns() - began < SOON_NS:
        count = epoll_ready(loop.epoll, fds, bits, 64, 0)
    if count > 0:
        return count
    count = epoll_ready(loop.epoll, fds, bits, 64, ms)
    if looked:
        loop.reserve = RESERVE_AFTER_VAIN_LOOK
    elif count == 0 or monotonic_ns() - began >= SOON_NS:
        loop.reserve = max(loop.reserve, RESERVE)
    elif loop.reserve > 0:
        loop.reserve -= 1
    return count


cdef bint loop_borrow(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    cdef bint idle = (not loop.borrowed and loop.inbox == NULL and not loop.stopping
                      and count_now(&loop.attached) == 0)
    if idle:
        loop.borrowed = True
        if not loop.parked:
            loop_wake(loop)
        while not loop.parked:
            loop.monitor.wait(1000000000)
    loop.monitor.unlock()
    return idle


cdef void loop_give_back(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    loop.borrowed = False
    loop.parked_until = monotonic_ns() + ASIDE_NS
    if not loop_is_quiet(loop):
        loop.monitor.notify()
    loop.monitor.unlock()


cdef inline bint loop_is_quiet(Loop *loop) noexcept nogil:
    return loop.lanes == NULL and loop.inbox == NULL and not loop.stopping


cdef void loop_step_aside(Loop *loop) noexcept nogil:
    """The loop's own thread waits until it is needed again; with the monitor held."""
    cdef long long left
    loop.parked = True
    loop.monitor.notify()
    while True:
        left = loop.parked_until - monotonic_ns()
        if not loop.borrowed and (left <= 0 or not loop_is_quiet(loop)):
            break
        loop.monitor.wait(max(left, 1000000000) if loop.borrowed else left)
    loop.parked = False
