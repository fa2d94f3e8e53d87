# Timers of one loop: a binary heap of intrusive nodes, each of which can be taken out again.

cdef enum TimerKind:
    BACKOFF_OVER
    HEDGE_DUE
    DEADLINE_PASSED
    ALARM                           # a share asks for a permit again
    SHORTAGE_EASES
    ADDRESS_LATE

cdef struct Timer:
    long long at                    # monotonic nanoseconds
    Py_ssize_t place                # in the heap; -1 when not in it
    TimerKind kind
    void *owner

cdef struct Timers:
    Timer **heap
    Py_ssize_t count
    Py_ssize_t capacity


cdef inline void timer_init(Timer *timer, TimerKind kind, void *owner) noexcept nogil:
    timer.place = -1
    timer.kind = kind
    timer.owner = owner


cdef inline long long timers_next(Timers *timers) noexcept nogil:
    return timers.heap[0].at if timers.count > 0 else NEVER


cdef void timers_rise(Timers *timers, Py_ssize_t place) noexcept nogil:
    cdef Timer *timer = timers.heap[place]
    cdef Py_ssize_t parent
    while place > 0:
        parent = (place - 1) >> 1
        if timers.heap[parent].at <= timer.at:
            break
        timers.heap[place] = timers.heap[parent]
        timers.heap[place].place = place
        place = parent
    timers.heap[place] = timer
    timer.place = place


cdef void timers_sink(Timers *timers, Py_ssize_t place) noexcept nogil:
    cdef Timer *timer = timers.heap[place]
    cdef Py_ssize_t child
    while True:
        child = 2 * place + 1
        if child >= timers.count:
            break
        if child + 1 < timers.count and timers.heap[child + 1].at < timers.heap[child].at:
            child += 1
        if timer.at <= timers.heap[child].at:
            break
        timers.heap[place] = timers.heap[child]
        timers.heap[place].place = place
        place = child
    timers.heap[place] = timer
    timer.place = place


cdef bint timers_add(Timers *timers, Timer *timer, long long at) noexcept nogil:
    """Arm `timer`, which must not be armed; False when memory has run out."""
    cdef Py_ssize_t wanted
    cdef Timer **grown
    if timers.count == timers.capacity:
        wanted = timers.capacity * 2 if timers.capacity else 64
        grown = <Timer **>realloc(timers.heap, wanted * sizeof(Timer *))
        if grown == NULL:
            return False
        timers.heap = grown
        timers.capacity = wanted
    timer.at = at
    timers.heap[timers.count] = timer
    timers.count += 1
    timers_rise(timers, timers.count - 1)
    return True


cdef void timers_remove(Timers *timers, Timer *timer) noexcept nogil:
    cdef Py_ssize_t place = timer.place
    if place < 0:
        return
    timer.place = -1
    timers.count -= 1
    if place == timers.count:
        return
    timers.heap[place] = timers.heap[timers.count]
    timers.heap[place].place = place
    timers_sink(timers, place)
    timers_rise(timers, place)


cdef Timer *timers_pop(Timers *timers, long long now) noexcept nogil:
    """The earliest timer that is due, taken out; NULL when none is."""
    if timers.count == 0 or timers.heap[0].at > now:
        return NULL
    cdef Timer *timer = timers.heap[0]
    timers_remove(timers, timer)
    return timer
