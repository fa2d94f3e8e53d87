# The spare descriptor: kept for a failure to be reported when the process has no other descriptor left.
#
# The classes of exceptions are in modules that are loaded when a call fails, and loading takes one descriptor at a time.
# So one is opened with the first loop.  While it is lent, loops open no connections, which would take it at once.

cdef void spare_open() noexcept nogil:
    """Open the spare descriptor unless there is one.  If none is left, the next loop or caller tries again."""
    descriptors.monitor.lock()
    if descriptors.spare < 0 and descriptors.lent == 0:
        descriptors.spare = open_nothing()
        if descriptors.spare >= 0 and not descriptor_note(descriptors.spare):
            close_descriptor(descriptors.spare)
            descriptors.spare = -1
    descriptors.monitor.unlock()


def lend_descriptor() -> bool:
    """Close the spare descriptor if the process has no other left; True when take_descriptor_back() must follow."""
    cdef bint lent
    with nogil:
        descriptors.monitor.lock()
        lent = no_descriptor_is_left()
        if lent:
            descriptors.lent += 1
            if descriptors.spare >= 0:
                descriptors.ours[descriptors.spare] = 0
                close_descriptor(descriptors.spare)
                descriptors.spare = -1
        descriptors.monitor.unlock()
    return lent


def take_descriptor_back() -> None:
    """What lend_descriptor() has made room for is over."""
    with nogil:
        descriptors.monitor.lock()
        descriptors.lent = max(0, descriptors.lent - 1)
        descriptors.monitor.unlock()
        spare_open()


def close_idle_connections(double seconds) -> None:
    """Have all loops of the process close the connections that they do not need now; wait for it, at most `seconds`."""
    cdef long long until = monotonic_ns() + <long long>(seconds * 1e9)
    cdef int wanted
    with nogil:
        wanted = loops_shall(&idle_closings)
        all_loops_monitor.lock()
        while not loops_have_closed(wanted) and monotonic_ns() < until:
            all_loops_monitor.wait(1000000)
        all_loops_monitor.unlock()


cdef int loops_shall(int *closings) noexcept nogil:
    """Wake all loops of the process to close connections; which closing it is."""
    cdef int wanted = count_up(closings)
    cdef Loop *loop
    all_loops_monitor.lock()
    loop = all_loops
    while loop != NULL:
        loop.monitor.lock()
        loop.thread_waits_until = 0
        loop_wake(loop)
        loop.monitor.unlock()
        loop = loop.next_loop
    all_loops_monitor.unlock()
    return wanted


cdef bint loops_have_closed(int wanted) noexcept nogil:
    """With all_loops_monitor held."""
    cdef Loop *loop = all_loops
    while loop != NULL:
        if count_now(&loop.idle_closings) < wanted:
            return False
        loop = loop.next_loop
    return True
