# A shortage of descriptors: the loop goes on with the connections there are.
#
# What cannot be sent for want of a descriptor was no attempt: its request goes back to the front.  From then on the loop
# carries no more than it carried then, and tries one more after a while, three, seven, ... more as long as that works.
# All loops close multis that carry nothing then; where one cannot have a single connection, they close all that are idle and
# carry half as much for a while.
# Lanes wait in a queue as they do for a pace: only its head may start, then goes to the end, and who was woken passes the
# wake-up on.  Owner: the loop's thread, which alone touches it.

cdef enum:
    NO_SHORTAGE = 0x7fffffff
    ENOUGH = 4096                   # transfers: a loop that may carry so many is short of nothing

cdef const char *NO_DESCRIPTOR = b"no descriptor is left for a connection (see ulimit -n)"
cdef long long FIRST_EASE_NS = 10000000
cdef long long LONGEST_EASE_NS = 200000000
cdef double RECENT_S = 1            # for so long after a shortage was noticed, another one is likely
cdef long long YIELD_NS = 400000000     # longer than a loop without a connection waits before it tries again

cdef struct Shortage:
    int most                        # transfers that the loop may carry
    int extra
    long long seen                  # when a socket was refused for want of a descriptor
    double began                    # when the shortage was last noticed
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
    shortage.wait = FIRST_EASE_NS // 2
    timer_init(&shortage.timer, SHORTAGE_EASES, <void *>loop)


cdef bint failed_for_descriptors(Loop *loop, int curl_code, double started) noexcept nogil:
    """Whether an attempt could not connect because the process has no descriptor left."""
    if curl_code == CURLE_SSL_CACERT_BADFILE or curl_code == CURLE_SSL_CERTPROBLEM:
        # Certificates are read once there is a connection, which is closed by now: its descriptor is free again.
        return descriptors_are_scarce(started)
    if not (is_connect_failure(curl_code) or curl_code == CURLE_FAILED_INIT):
        return False
    return loop.shortage.seen * 1e-9 >= started or no_descriptor_is_left()


cdef bint descriptors_are_scarce(double since) noexcept nogil:
    """Whether something may have failed since then for want of a descriptor, though there is one now."""
    if instant_now(&descriptors.scarce) >= since - RECENT_S:
        return True
    descriptors.monitor.lock()      # a child inherits none of those that are opened for this
    cdef bint few = are_few_descriptors_left()
    descriptors.monitor.unlock()
    return few


cdef void shortage_begins(Loop *loop, double started) noexcept nogil:
    """An attempt of that instant could open nothing."""
    cdef Shortage *shortage = &loop.shortage
    shortage.most = count_now(&loop.load)
    shortage.extra = 0
    # Attempts that began together fail together, which is one failure.
    cdef bint again = started >= shortage.began
    shortage.began = seconds_now()
    if again:
        shortage.wait = min(2 * shortage.wait, LONGEST_EASE_NS)
    if shortage.most == 0:
        loops_shall(&idle_closings)
    elif again:
        loops_shall(&multi_closings)
    timers_remove(&loop.timers, &shortage.timer)
    if not timers_add(&loop.timers, &shortage.timer, monotonic_ns() + shortage.wait):
        shortage.most = NO_SHORTAGE     # without a timer nothing would end it


cdef void shortage_yields(Loop *loop) noexcept nogil:
    """Some other loop may have no connection at all: leave it half of the descriptors in use here."""
    cdef Shortage *shortage = &loop.shortage
    cdef int load = count_now(&loop.load)
    if load == 0:
        return
    timers_remove(&loop.timers, &shortage.timer)
    if timers_add(&loop.timers, &shortage.timer, monotonic_ns() + YIELD_NS):
        shortage.most = load // 2
        shortage.extra = 0


cdef void shortage_eases(Loop *loop) noexcept nogil:
    """Some time has passed since something could not be opened, or since more was tried."""
    cdef Shortage *shortage = &loop.shortage
    shortage.extra = 2 * shortage.extra + 1
    shortage.most = count_now(&loop.load) + shortage.extra
    if shortage.most >= ENOUGH or not timers_add(&loop.timers, &shortage.timer, monotonic_ns() + shortage.wait):
        shortage.most = NO_SHORTAGE
        shortage.wait = FIRST_EASE_NS // 2
    shortage_passes_on(loop)


cdef inline bint shortage_admits(Loop *loop, Share *share) noexcept nogil:
    cdef Shortage *shortage = &loop.shortage
    return shortage.most == NO_SHORTAGE or (
        count_now(&loop.load) < shortage.most
        and (shortage.queue.first == NULL or shortage.queue.first == &share.shortage)
    )


cdef inline void shortage_took(Loop *loop, Share *share) noexcept nogil:
    """The share has started something; if it waits for more, the others are first."""
    if share.shortage.waiting:
        queue_remove(&loop.shortage.queue, &share.shortage)
        queue_append(&loop.shortage.queue, &share.shortage)


cdef void shortage_passes_on(Loop *loop) noexcept nogil:
    """Wake the head of the queue, if it may start something."""
    cdef Waiter *waiter = loop.shortage.queue.first
    if waiter != NULL and count_now(&loop.load) < loop.shortage.most:
        loop_enqueue(loop, <Share *>waiter.share)
