# Fork: the child closes all descriptors of ours, without libcurl's clean-up.
#
# libcurl's clean-up in the child would send close_notify (TLS) on connections that the parent still uses.  So the child
# closes the descriptors by number, forgets all native state (which leaks, once per fork) and counts one generation up.
# Nothing touches what carries an older generation: threads that do not exist in the child may hold its locks.

cdef int fork_generation = 0

cdef struct Descriptors:
    Monitor *monitor                # held across a fork
    unsigned char *ours             # one flag per descriptor number
    int capacity
    int spare                       # see spare.pxi; -1 for none
    int lent                        # how many threads load something without a descriptor left
    double scarce                   # atomic: when a connection last got none

cdef Descriptors descriptors


cdef bint descriptor_keep(int fd) noexcept nogil:
    """Note that `fd` is ours; False when memory has run out."""
    descriptors.monitor.lock()
    cdef bint kept = descriptor_note(fd)
    descriptors.monitor.unlock()
    return kept


cdef bint descriptor_note(int fd) noexcept nogil:
    """The same with the monitor held, as it must be from before `fd` is opened: else a fork in between is a leak."""
    cdef unsigned char *grown
    cdef int wanted, i
    if fd >= descriptors.capacity:
        wanted = descriptors.capacity * 2 if descriptors.capacity else 1024
        while wanted <= fd:
            wanted *= 2
        grown = <unsigned char *>realloc(descriptors.ours, wanted)
        if grown == NULL:
            return False
        for i in range(descriptors.capacity, wanted):
            grown[i] = 0
        descriptors.ours = grown
        descriptors.capacity = wanted
    descriptors.ours[fd] = 1
    return True


cdef void descriptor_close(int fd) noexcept nogil:
    if fd < 0:
        return
    descriptors.monitor.lock()
    if fd < descriptors.capacity:
        descriptors.ours[fd] = 0
    close_descriptor(fd)
    descriptors.monitor.unlock()


# Not in hooks of Python's: between these other threads may run, and one that wants such a lock with the GIL held would wait
# for the thread that forks, which waits for the GIL.

cdef void before_fork() noexcept nogil:
    descriptors.monitor.lock()
    page_cache.monitor.lock()
    turns_monitor.lock()


cdef void after_fork_in_parent() noexcept nogil:
    turns_monitor.unlock()
    page_cache.monitor.unlock()
    descriptors.monitor.unlock()


cdef void after_fork_in_child() noexcept nogil:
    global turns_monitor
    descriptors.monitor = new Monitor()
    page_cache.monitor = new Monitor()
    turns_monitor = new Monitor()


def _after_fork_in_child() -> None:
    global fork_generation
    cdef int fd
    fork_generation += 1
    for fd in range(descriptors.capacity):
        if descriptors.ours[fd]:
            descriptors.ours[fd] = 0
            close_descriptor(fd)
    descriptors.spare = -1
    descriptors.lent = 0
    turns_after_fork()
    limbo.clear()
    forget_loops()
    forget_trust_stores()
    draw_request_ids()
