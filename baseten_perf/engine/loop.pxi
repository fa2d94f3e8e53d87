# A loop: one native thread that drives libcurl for its shares and touches no Python object.
#
# Owner: its core, which the thread holds a reference to.  Other threads reach it only through `monitor`: they queue shares
# and wake it, or a caller runs it in place of its thread (see caller_runs.pxi).  On Linux it sleeps in epoll over several
# multis; elsewhere, or with BASETEN_PERF_POLLER=poll, in curl_multi_poll on one multi.

cdef struct Loop:
    Core *core
    int number
    int serial                      # number among all loops that there have ever been
    int epoll                       # -1: the portable loop
    int waker[2]
    Multi *multis[MOST_MULTIS]
    int multi_count                 # those behind it have never been there
    Socket *sockets
    int socket_capacity
    Timers timers
    Share *shares                   # attached ones
    long long now                   # when this turn began
    unsigned long long random
    int load                        # transfers in flight, for choosing a loop; written by the loop, read by anyone
    int attached                    # shares in `shares`; written by the loop, read by anyone
    Shortage shortage               # of descriptors
    int idle_closings               # of those that were wanted, done; written by the loop, read by anyone
    int multi_closings              # as many
    int spin_after                  # responses that must come soon before a caller polls: see caller_waits
    # shared
    Monitor *monitor
    Share *inbox                    # FIFO of shares that want attention
    Share *inbox_last
    bint stopping
    bint asleep                     # only then must it be woken: before it sleeps it looks into its inbox
    bint caller_runs                # a caller runs the loop
    bint thread_waits               # its own thread does not run it
    long long thread_waits_until    # it waits until then unless there is work, since the next caller may come soon
    long long thread_sleeps_until   # when it looks again by itself
    Mailbox *attendant              # of the event loop that attends the loop, or NULL; only compared
    int attend_after                # operations that begin in its own thread before one is attended
    Loop *next_loop                 # in all_loops


cdef int loops_made = 0             # atomic


cdef inline unsigned long long loop_random(Loop *loop) noexcept nogil:
    # xorshift64: jitter needs no better.
    loop.random ^= loop.random << 13
    loop.random ^= loop.random >> 7
    loop.random ^= loop.random << 17
    return loop.random


cdef Loop *loop_new(Core *core, int number) noexcept nogil:
    """A loop with its thread running; NULL when the system refuses memory, descriptors or a thread."""
    cdef Loop *loop = <Loop *>calloc(1, sizeof(Loop))
    if loop == NULL:
        return NULL
    loop.core = core
    loop.number = number
    loop.serial = count_up(&loops_made)
    loop.monitor = new Monitor()
    loop.epoll = loop.waker[0] = loop.waker[1] = -1
    loop.random = <unsigned long long>monotonic_ns() | 1
    loop.spin_after = SPIN_AFTER
    shortage_init(&loop.shortage, loop)
    loop.idle_closings = count_now(&idle_closings)
    loop.multi_closings = count_now(&multi_closings)
    cdef bint good = True
    if core.use_epoll:
        loop.epoll = epoll_open()
        good = loop.epoll >= 0 and open_waker(loop.waker) == 0
        good = good and descriptor_keep(loop.epoll) and descriptor_keep(loop.waker[0])
        good = good and epoll_watch(loop.epoll, loop.waker[0], 0, CURL_POLL_IN) == 0
    if good:
        loop.multis[0] = multi_new(loop, 0, False)
        loop.multi_count = 1
        good = loop.multis[0] != NULL
    if good:
        count_up(&core.refs)
        loops_add(loop)
        good = start_thread(loop_body, <void *>loop) == 0
        if not good:
            loops_remove(loop)
            count_down(&core.refs)
    if not good:
        loop_close(loop)
        loop_free(loop)
        return NULL
    spare_open()
    return loop


cdef void loop_close(Loop *loop) noexcept nogil:
    """Free what only the loop's thread uses; no share may be attached."""
    cdef int number
    cdef Multi *multi
    for number in range(loop.multi_count):
        multi = loop.multis[number]
        loop.monitor.lock()
        loop.multis[number] = NULL
        loop.monitor.unlock()
        if multi != NULL:
            multi_free(multi)
    descriptor_close(loop.epoll)
    free(loop.sockets)
    loop.sockets = NULL
    loop.socket_capacity = 0
    free(loop.timers.heap)


cdef void loop_free(Loop *loop) noexcept nogil:
    """Free a loop whose thread has ended or never began; when no operation can reach it any more."""
    descriptor_close(loop.waker[0])
    del loop.monitor
    free(loop)


cdef void loop_wake(Loop *loop) noexcept nogil:
    """Wake the loop; with its monitor held, since the portable loop may replace the multi that it sleeps in."""
    if loop.thread_waits and not loop.caller_runs:
        loop.monitor.notify()
    elif loop.asleep:
        loop.asleep = False
        if loop.waker[1] >= 0:
            notify_waker(loop.waker)
        elif loop.multis[0] != NULL:
            curl.multi_wakeup(loop.multis[0].handle)


cdef bint loop_fall_asleep(Loop *loop) noexcept nogil:
    """Whether the loop may sleep now; loop_awake must follow."""
    loop.monitor.lock()
    loop.asleep = loop.inbox == NULL and not loop.stopping and (not loop.caller_runs or loop.thread_waits)
    cdef bint asleep = loop.asleep
    loop.monitor.unlock()
    return asleep


cdef void loop_awake(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    loop.asleep = False
    loop.monitor.unlock()


cdef bint loop_enqueue(Loop *loop, Share *share) noexcept nogil:
    """Ask the loop to serve `share` soon; from any thread.  False when the share is detached already."""
    loop.monitor.lock()
    cdef bint there = not share.detached
    if not share.queued and not share.detached:
        share.queued = True
        share.inbox_next = NULL
        if loop.inbox == NULL:
            loop.inbox = share
            loop_wake(loop)
        else:
            loop.inbox_last.inbox_next = share
        loop.inbox_last = share
    loop.monitor.unlock()
    return there


cdef void loop_stop(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    loop.stopping = True
    loop_wake(loop)
    loop.monitor.unlock()


cdef void *loop_body(void *loop_) noexcept nogil:
    cdef Loop *loop = <Loop *>loop_
    cdef Core *core = loop.core
    loop.now = monotonic_ns()
    while not loop_stopping(loop):
        loop_serve_inbox(loop)
        loop_fire_timers(loop)
        if loop.epoll >= 0:
            loop_turn_epoll(loop, NEVER)
        else:
            loop_turn_portable(loop)
        loop.now = monotonic_ns()
    # The core is gone or the process ends: what is left is aborted.
    loop_serve_inbox(loop)
    while loop.shares != NULL:
        op_cancel(loop.shares.op)
        loop_enqueue(loop, loop.shares)
        loop_serve_inbox(loop)
    loop_close(loop)
    loops_remove(loop)
    core_drop(core)
    return NULL


cdef bint loop_stopping(Loop *loop) noexcept nogil:
    loop.monitor.lock()
    if loop.caller_runs:
        loop_thread_waits(loop)
    cdef bint stopping = loop.stopping
    loop.monitor.unlock()
    return stopping


cdef void loop_serve_inbox(Loop *loop) noexcept nogil:
    cdef Share *share
    while True:
        loop.monitor.lock()
        share = loop.inbox
        if share != NULL:
            loop.inbox = share.inbox_next
            share.queued = False
        loop.monitor.unlock()
        if share == NULL:
            return
        if share.unaddressed == NULL or share_resume_addressed(share):
            share_serve(share)


cdef void loop_fire_timers(Loop *loop) noexcept nogil:
    cdef Timer *timer
    while True:
        timer = timers_pop(&loop.timers, loop.now)
        if timer == NULL:
            return
        if timer.kind == BACKOFF_OVER:
            share_backoff_over(<Backoff *>timer.owner)
        elif timer.kind == HEDGE_DUE:
            share_hedge(<Transfer *>timer.owner)
        elif timer.kind == ALARM:
            share_serve(<Share *>timer.owner)
        elif timer.kind == SHORTAGE_EASES:
            shortage_eases(loop)
        elif timer.kind == ADDRESS_LATE:
            transfer_resume(<Transfer *>timer.owner)
        else:
            share_deadline_passed(<Share *>timer.owner)


cdef long long loop_next_due(Loop *loop) noexcept nogil:
    """When its next timer is due, or libcurl's; NEVER when there is none."""
    cdef long long due = timers_next(&loop.timers)
    cdef int number
    # In the portable loop nothing is ever due: libcurl tells its timers to curl_multi_poll alone.
    for number in range(loop.multi_count):
        if loop.multis[number] != NULL:
            due = min(due, loop.multis[number].due)
    return due


cdef int loop_patience_ms(Loop *loop, long long until) noexcept nogil:
    """How long the loop may sleep, in milliseconds, rounded up: until its next timer, libcurl's, or `until`."""
    until = min(until, loop_close_idle_multis(loop))    # which may set a timer
    until = min(until, loop_next_due(loop))
    if until == NEVER:
        return -1
    if until <= 0:
        return 0
    until -= monotonic_ns()
    return 0 if until <= 0 else <int>min((until + 999999) // 1000000, 60000)


cdef void loop_turn_epoll(Loop *loop, long long until) noexcept nogil:
    cdef int fds[64]
    cdef int bits[64]
    cdef int i, number, running, count, ms
    cdef Multi *multi
    for number in range(loop.multi_count):
        multi = loop.multis[number]
        if multi != NULL and multi.due <= loop.now:
            multi.due = NEVER
            curl.multi_socket_action(multi.handle, CURL_SOCKET_TIMEOUT, 0, &running)
            multi_reap(multi)
    ms = loop_patience_ms(loop, until)
    if ms != 0 and not loop_fall_asleep(loop):
        ms = 0
    if ms != 0 and until != NEVER:
        count = caller_waits(loop, fds, bits, ms)
    else:
        count = epoll_ready(loop.epoll, fds, bits, 64, ms)
    if ms != 0:
        loop_awake(loop)
    loop.now = monotonic_ns()
    for i in range(count):
        if fds[i] == loop.waker[0]:
            clear_waker(loop.waker)
        else:
            loop_socket_ready(loop, fds[i], bits[i])


cdef void loop_turn_portable(Loop *loop) noexcept nogil:
    cdef Multi *multi = loop.multis[0]
    cdef int running
    curl.multi_perform(multi.handle, &running)
    multi_reap(multi)
    # An attempt that has just ended may have made room for others: those must be started before sleeping.
    curl.multi_perform(multi.handle, &running)
    multi_reap(multi)
    # This may close the idle multi, and put another in its place.
    cdef int ms = loop_patience_ms(loop, NEVER)
    # libcurl shortens it to its own timers, and refuses negative values.
    if ms < 0:
        ms = 60000
    if ms != 0 and not loop_fall_asleep(loop):
        ms = 0
    curl.multi_poll(loop.multis[0].handle, NULL, 0, ms, NULL)
    if ms != 0:
        loop_awake(loop)


cdef bint loop_replace_portable_multi(Loop *loop) noexcept nogil:
    """Close the portable loop's idle multi and its connections, and go on with a new one."""
    cdef Multi *old = loop.multis[0]
    cdef Multi *fresh = multi_new(loop, 0, False)
    if fresh == NULL:
        return False
    loop.monitor.lock()
    loop.multis[0] = fresh
    loop.monitor.unlock()
    multi_free(old)
    return True
