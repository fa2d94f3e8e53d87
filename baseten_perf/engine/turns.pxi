# Turns: where one waits for one's turn, be it at a pace or at a limit.
#
# Waiters stand in a FIFO.  Only its head is admitted, and then goes to the end: so many calls take turns, and a tiny one
# is not starved by a huge one.  A wake-up is a hint: who is woken asks again under the monitor.  Whoever asked, was answered,
# let go, ended an attempt or gave something back asks afterwards who is to be woken now (pace_next, limit_next).  So of two
# things one holds whenever somebody waits: its head is about to look, or has an alarm set for the instant at which time may
# admit it.  A waiter stands in one place at a time: who is held up elsewhere would hold up all behind it.  For the same
# reason those that keep to a pace's knee (knee.pxi) let the others pass while it is reached, until one of theirs ends.
#
# Owner: the pace or the limit that they are part of.  `waiters` is atomic; `monitor`, a leaf, guards all else, and what the
# pace or the limit says that it guards.

cdef struct Turns:
    Turns *previous                 # in all_turns
    Turns *following
    Pace *pace                      # whose they are; NULL: a limit's
    Monitor *monitor
    int waiters
    int adaptive                    # of these, those that keep to the knee
    Queue queue
    Waiter *alarmed                 # the head that knows when to look again,
    double alarmed_at               # and that instant

cdef Monitor *turns_monitor         # held across a fork
cdef Turns *all_turns = NULL


cdef void turns_open(Turns *turns, Pace *pace) noexcept nogil:
    global all_turns
    turns.pace = pace
    turns.monitor = new Monitor()
    turns_monitor.lock()
    turns.following = all_turns
    if all_turns != NULL:
        all_turns.previous = turns
    all_turns = turns
    turns_monitor.unlock()


cdef void turns_close(Turns *turns) noexcept nogil:
    global all_turns
    turns_monitor.lock()
    if turns.previous != NULL:
        turns.previous.following = turns.following
    else:
        all_turns = turns.following
    if turns.following != NULL:
        turns.following.previous = turns.previous
    turns_monitor.unlock()
    del turns.monitor


cdef void turns_after_fork() noexcept nogil:
    """In a forked child nobody waits."""
    cdef Turns *turns = all_turns
    while turns != NULL:
        turns.monitor = new Monitor()   # a thread of the parent's may hold the old one for ever
        turns.waiters = turns.adaptive = 0
        turns.queue.first = turns.queue.last = turns.alarmed = NULL
        if turns.pace != NULL:
            pace_after_fork(turns.pace)
        turns = turns.following


# The following with the monitor held.

cdef Waiter *turns_first(Turns *turns) noexcept nogil:
    """Whose turn it is; NULL when it is nobody's."""
    cdef Waiter *waiter = turns.queue.first
    if turns.adaptive == 0 or turns.pace == NULL or knee_has_room(&turns.pace.knee):
        return waiter
    if turns.adaptive == count_now(&turns.waiters):
        return NULL
    while waiter.adaptive:
        waiter = waiter.next
    return waiter


cdef inline bint turns_are_of(Turns *turns, Waiter *waiter) noexcept nogil:
    """Whether it is this waiter's turn; NULL for one that does not wait."""
    cdef Waiter *first = turns_first(turns)
    return first == NULL or first == waiter


cdef void turns_go_on(Turns *turns, Waiter *waiter) noexcept nogil:
    """The waiter has been admitted; if it waits here for more, the others are first."""
    if waiter.waiting and waiter.turns == turns:
        turns_remove(turns, waiter)
        turns_append(turns, waiter)


cdef bint turns_stand(Turns *turns, Waiter *waiter, double cost) noexcept nogil:
    """The waiter stands in the FIFO, and nowhere else, for something of this cost; whether it is the head, and needs an alarm.

    It may have to leave another FIFO for that, and then the monitor is let go of meanwhile.
    """
    if waiter.waiting and waiter.turns != turns:
        turns.monitor.unlock()
        turns_leave(waiter)
        turns.monitor.lock()
    waiter.cost = cost
    if not waiter.waiting:
        turns_append(turns, waiter)
    return turns_first(turns) == waiter


cdef inline double turns_alarm(Turns *turns, double at) noexcept nogil:
    """The head will look again at this instant."""
    turns.alarmed = turns_first(turns)
    turns.alarmed_at = at
    return at


cdef inline bint turns_are_alarmed(Turns *turns, double at) noexcept nogil:
    """Whether the head will look at this instant at the latest."""
    return turns.alarmed == turns_first(turns) and turns.alarmed_at <= at + 1e-6


cdef void turns_append(Turns *turns, Waiter *waiter) noexcept nogil:
    count_up(&turns.waiters)
    turns.adaptive += waiter.adaptive
    waiter.turns = turns
    queue_append(&turns.queue, waiter)


cdef void turns_remove(Turns *turns, Waiter *waiter) noexcept nogil:
    count_down(&turns.waiters)
    turns.adaptive -= waiter.adaptive
    queue_remove(&turns.queue, waiter)
    if turns.alarmed == waiter:
        turns.alarmed = NULL


# And without it.

cdef void turns_leave(Waiter *waiter) noexcept nogil:
    """The waiter has nothing to start, or lets go; pace_next or limit_next must follow."""
    cdef Turns *turns
    if waiter.waiting:
        turns = waiter.turns
        turns.monitor.lock()
        turns_remove(turns, waiter)
        turns.monitor.unlock()
