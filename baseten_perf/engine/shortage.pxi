# A shortage of descriptors: the loop goes on with the connections there are.
#
# What cannot be sent for want of a descriptor was no attempt: its request goes back to the front.  From then on the loop
# carries no more than it carried then, and tries one more after a while, three, seven, ... more as long as that works.
# Lanes wait in a queue as they do for a pace: only its head may start, and who was woken passes the wake-up on.  Owner: the
# loop's thread, which alone touches it.

cdef enum:
    NO_SHORTAGE = 0x7fffffff
    ENOUGH = 4096                   # transfers: a loop that may carry so many is short of nothing

cdef const char *NO_DESCRIPTOR = b"no descriptor is left for a connection (see ulimit -n)"
cdef long long FIRST_EASE_NS = 10000000
cdef long long LONGEST_EASE_NS = 1000000000

cdef struct Shortage:
    int most                        # transfers that the loop may carry
    int extra
    bint fresh                      # the loop has not yet closed the connections that carry nothing
    long long seen                  # when a socket was refused for want of a descriptor
    long long wait                  # until one more is tried
    Timer timer
    Queue queue


cdef bint no_descriptor_is_left() noexcept nogil:
    """Whether the process can open nothing at this moment."""
    cdef int fd = open_nothing()
    if fd < 0:
        return descriptors_used_up()
    close_descriptor(fd)
    return False


cdef void shortage_init(Shortage *shortage, Loop *loop) noexcept nogil:
    shortage.most = NO_SHORTAGE
    shortage.wait = FIRST_EASE_NS
    timer_init(&shortage.timer, SHORTAGE_EASES, <void *>loop)


cdef bint failed_for_descriptors(Loop *loop, int curl_code, double started) noexcept nogil:
    """Whether an attempt could not connect because the process has no descriptor left."""
    if not (is_connect_failure(curl_code) or curl_code == E_SSL_CACERT_BADFILE or curl_code == E_FAILED_INIT):
        return False
    return loop.shortage.seen * 1e-9 >= started or no_descriptor_is_left()


cdef void shortage_begins(Loop *loop) noexcept nogil:
    """Nothing more could be opened."""
    cdef Shortage *shortage = &loop.shortage
    shortage.fresh = True
    shortage.most = count_now(&loop.load)
    shortage.extra = 0
    timers_remove(&loop.timers, &shortage.timer)
    cdef long long wait = shortage.wait
    shortage.wait = min(2 * shortage.wait, LONGEST_EASE_NS)
    if not timers_add(&loop.timers, &shortage.timer, monotonic_ns() + wait):
        shortage.most = NO_SHORTAGE     # without a timer nothing would end it


cdef void shortage_eases(Loop *loop) noexcept nogil:
    """Some time has passed since something could not be opened, or since more was tried."""
    cdef Shortage *shortage = &loop.shortage
    shortage.extra = 2 * shortage.extra + 1
    shortage.most = count_now(&loop.load) + shortage.extra
    if shortage.most >= ENOUGH or not timers_add(&loop.timers, &shortage.timer, monotonic_ns() + shortage.wait):
        shortage.most = NO_SHORTAGE
        shortage.wait = FIRST_EASE_NS
    shortage_passes_on(loop)


cdef inline bint shortage_admits(Loop *loop, Lane *lane) noexcept nogil:
    cdef Shortage *shortage = &loop.shortage
    return shortage.most == NO_SHORTAGE or (
        count_now(&loop.load) < shortage.most
        and (shortage.queue.first == NULL or shortage.queue.first == &lane.shortage)
    )


cdef void shortage_passes_on(Loop *loop) noexcept nogil:
    """Wake the head of the queue, if it may start something."""
    cdef Waiter *waiter = loop.shortage.queue.first
    if waiter != NULL and count_now(&loop.load) < loop.shortage.most:
        loop_enqueue(loop, <Lane *>waiter.lane)
