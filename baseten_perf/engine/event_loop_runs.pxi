# An event loop that awaits a small operation runs the idle loop itself, in place of the loop's own thread.
#
# Two changes of thread, there and back, cost more than a small request.  An event loop must not sleep in here, as a caller
# that blocks does (caller_runs.pxi).  So it runs the loop when it begins the operation, without waiting, and again whenever
# the loop's epoll is readable, which its mailbox watches.  In between nobody runs the loop: it is attended.  The loop's
# thread goes on when something else is wanted of the loop, at the loop's next timer, and when the event loop has not come
# for a while.  After that, operations begin in the loop's thread for some time: several are in flight, or responses take
# so long that a change of thread is not felt.
#
# Owner: what a mailbox knows of the loop that it attends is its event loop's alone.  It holds a reference to the operation,
# which keeps the loop, until that is over or others run the loop.

cdef enum:
    # Many vectors take long to read; an event loop has others to serve.
    MOST_VECTORS_ATTENDED = 8
    MOST_BYTES_ATTENDED = 65536     # of a body
    MOST_TURNS = 16
    ATTEND_AFTER_MISS = 64          # operations

cdef long long ATTENDED_NS = 20000000


cdef inline bint event_loop_may_run(Op *op, Py_ssize_t body_size) noexcept nogil:
    """Of an operation whose only body has so many bytes."""
    return (op.mailbox != NULL and op.mailbox.watched and op.mailbox.epoll >= 0 and op.mailbox.attended == NULL
            and op.count == 1 and op.share_count == 1 and op.shares[0].loop.epoll >= 0
            and op.total_rows <= MOST_VECTORS_ATTENDED and body_size <= MOST_BYTES_ATTENDED)


cdef bint event_loop_begins(Op *op) noexcept nogil:
    """Begin the operation in this thread, its event loop's; False when its loop is not idle, or better begins it itself."""
    cdef Loop *loop = op.shares[0].loop
    cdef Mailbox *box = op.mailbox
    if not loop_is_to_be_attended(loop) or not loop_caller_begins(loop):
        return False
    if not mailbox_watch(box, loop):
        loop_caller_ends(loop)
        return False
    count_up(&op.refs)
    box.attended = op
    loop.now = monotonic_ns()
    op_wake_shares(op)
    loop_serve_inbox(loop)
    event_loop_runs(box, loop)
    return True


cdef void mailbox_attend(Mailbox *box) noexcept nogil:
    """Run the loop that the mailbox attends, if there is one, as far as it goes without waiting."""
    cdef Op *op = box.attended
    if op == NULL:
        return
    cdef Loop *loop = op.shares[0].loop
    if event_loop_comes_back(box, loop):
        loop.now = monotonic_ns()
        event_loop_runs(box, loop)
    else:
        # Its epoll is readable until its thread has come, which is nothing to wake this event loop for.
        mailbox_unwatch(box)
        mailbox_leave(box)


cdef void event_loop_runs(Mailbox *box, Loop *loop) noexcept nogil:
    cdef Op *op = box.attended
    cdef int turn
    cdef bint over = False
    for turn in range(MOST_TURNS):
        loop_fire_timers(loop)
        loop_turn_epoll(loop, loop.now)
        loop_serve_inbox(loop)
        over = not op_running(op)
        if over or loop_next_due(loop) > loop.now:
            break
    event_loop_goes(box, loop, over)
    if over:
        mailbox_leave(box)


cdef bint loop_is_to_be_attended(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    cdef bint is_to_be = loop.attend_after == 0
    if not is_to_be:
        loop.attend_after -= 1
    loop.monitor.unlock()
    return is_to_be


cdef bint event_loop_comes_back(Mailbox *box, Loop *loop) noexcept nogil:
    """Whether this event loop may go on to run the loop; event_loop_goes must follow."""
    loop.monitor.lock()
    cdef bint may = loop.attendant == box and not loop.caller_runs and loop.inbox == NULL and not loop.stopping
    if may:
        loop.caller_runs = True
    loop.monitor.unlock()
    return may


cdef void event_loop_goes(Mailbox *box, Loop *loop, bint over) noexcept nogil:
    """The operation is over, or the loop is attended from here on."""
    if over:
        loop_caller_ends(loop)
        return
    cdef long long until = min(loop.now + ATTENDED_NS, loop_next_due(loop))
    loop.monitor.lock()
    loop.caller_runs = False
    loop.attendant = box
    loop.thread_waits_until = until
    if until < loop.thread_sleeps_until or not loop_is_quiet(loop):
        loop.monitor.notify()
    loop.monitor.unlock()


cdef inline void loop_is_left(Loop *loop) noexcept nogil:
    """With the monitor held: the event loop that attends the loop is not to run it any more."""
    loop.attendant = NULL
    loop.attend_after = ATTEND_AFTER_MISS


cdef void mailbox_leave(Mailbox *box) noexcept nogil:
    """Let go of the operation; its loop's thread goes on with it if it is not over."""
    cdef Op *op = box.attended
    if op == NULL:
        return
    cdef Loop *loop = op.shares[0].loop
    loop.monitor.lock()
    if loop.attendant == box:
        loop_is_left(loop)
        loop.monitor.notify()
    loop.monitor.unlock()
    box.attended = NULL
    op_drop(op)


cdef bint mailbox_watch(Mailbox *box, Loop *loop) noexcept nogil:
    """Have the mailbox readable when the loop's epoll is; it stays so for the operations that follow."""
    if box.watched_epoll == loop.epoll and box.watched_serial == loop.serial:
        return True
    mailbox_unwatch(box)
    if epoll_watch(box.epoll, loop.epoll, 0, CURL_POLL_IN) != 0:
        return False
    box.watched_epoll = loop.epoll
    box.watched_serial = loop.serial
    return True


cdef void mailbox_unwatch(Mailbox *box) noexcept nogil:
    if box.watched_epoll >= 0:
        # It fails where that loop has gone: the system forgets a descriptor that is closed.
        epoll_watch(box.epoll, box.watched_epoll, CURL_POLL_IN, 0)
        box.watched_epoll = -1
