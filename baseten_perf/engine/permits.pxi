# Permits: who may start the next request on a pace, in the order in which they came.
#
# Waiters stand in a FIFO.  Only its head is given a permit, and then goes to the end: so many calls take turns, and a tiny one
# is not starved by a huge one.  A wake-up is a hint: who is woken asks again under the monitor.  Whoever asked, was answered,
# let go or ended an attempt calls pace_next afterwards, which names the one to be woken now.  So of two things one holds
# whenever somebody waits: its head is about to look, or has an alarm set for the instant at which time may admit it.  Those
# that go by the knee (knee.pxi) let the others pass while it is reached, until one of theirs ends.

cdef bint pace_take(Pace *pace, Waiter *waiter, double now, bint last_chance, Permit *permit,
                    double *look_again) noexcept nogil:
    """Give a permit, or let the waiter stand in the FIFO; when it must look again, INFINITY_S when it will be told.

    Parameters:
        waiter: NULL for one that takes what is free or nothing, such as a hedge.
        last_chance: start regardless: what comes of it ends the patience of its operation.
    """
    cdef bint taken, limited
    cdef bint adaptive = waiter != NULL and waiter.adaptive
    look_again[0] = INFINITY_S
    if not adaptive and not count_now(&pace.limited):
        pace_count(pace, now, permit)
        return True
    pace.monitor.lock()
    if count_now(&pace.limited) and pace_is_calm(pace, now):
        pace_forget(pace, now)
    limited = count_now(&pace.limited)
    if limited and pace.queue.first == NULL and count_now(&pace.flying) == 0:
        pace_skip_idle(pace, now)
    if not limited and not adaptive:
        taken = True
    elif waiter == NULL:
        taken = pace.state == GATE_OPEN and pace.queue.first == NULL and pace.kind != PACE_CAP and pace_admits(pace, now)
    else:
        taken = last_chance or pace_has_turn(pace, waiter) and (not limited or pace_admits(pace, now))
    if taken:
        pace_count(pace, now, permit)
        if adaptive:
            knee_started(&pace.knee, &permit.place)
        permit.last_chance = limited and last_chance
        if limited and not last_chance:
            pace_started(pace, now, permit)
    if waiter != NULL:
        if taken and waiter.waiting:
            pace_remove(pace, waiter)
            pace_append(pace, waiter)
        elif not taken:
            if not waiter.waiting:
                pace_append(pace, waiter)
            if pace_first(pace) == waiter:
                pace.alarmed = waiter
                pace.alarmed_at = look_again[0] = pace_opens(pace, now)
    pace.monitor.unlock()
    return taken


cdef void pace_count(Pace *pace, double now, Permit *permit) noexcept nogil:
    """Count a start; without the monitor where nothing is limited."""
    cdef double cycle
    permit.pace = pace
    permit.responded = False
    permit.begun = now
    permit.started = now
    permit.flying = count_up(&pace.flying) - 1
    permit.number = total_up(&pace.started) - 1
    permit.epoch = count_now(&pace.epoch)
    permit.probe = permit.last_chance = False
    permit.place.flying = 0
    if count_now(&pace.limited):
        return
    cycle = instant_now(&pace.cycle)
    if cycle == 0 or now - cycle > HEALTHY_CYCLE_S:
        pace_new_cycle(pace, now)
    elif permit.flying == 0:
        # Idle time belongs to no cycle.
        instant_set(&pace.cycle, cycle + now - instant_now(&pace.idle_since))


cdef void pace_skip_idle(Pace *pace, double now) noexcept nogil:
    """Nobody waits and nothing is in flight: what has passed since then belongs to no cycle and to no closure."""
    cdef double since = instant_now(&pace.idle_since)
    if pace.state == GATE_CLOSED:
        since = max(since, pace.until)
    cdef double idle = max(0.0, now - since)
    instant_set(&pace.cycle, instant_now(&pace.cycle) + idle)
    instant_set(&pace.idle_since, now)
    pace.opened_at += idle
    if pace.state == GATE_CLOSED:
        pace.closed_at += idle


cdef Advice permit_return(Permit *permit, Signal signal, double retry_after, double now) noexcept nogil:
    """Give a permit back, with what the attempt tells; what its request is to do.  Once given back, nothing happens."""
    cdef Advice advice = ADVICE_NONE
    cdef bint tells                 # something of latency
    cdef Pace *pace = permit.pace
    if pace == NULL:
        return ADVICE_NONE
    permit.pace = NULL
    instant_set(&pace.idle_since, now)
    count_down(&pace.flying)
    if signal == SIGNAL_SUCCESS:
        instant_set(&pace.good, now)
    cdef bint adaptive = permit.place.flying > 0
    if (signal == SIGNAL_SUCCESS or signal == SIGNAL_NONE) and not adaptive and not count_now(&pace.limited):
        return ADVICE_NONE
    pace.monitor.lock()
    if adaptive:
        tells = signal == SIGNAL_SUCCESS and pace.state == GATE_OPEN and permit.epoch == count_now(&pace.epoch)
        knee_ended(&pace.knee, &permit.place, permit.flying + 1, now - permit.started if tells else 0)
    if signal == SIGNAL_SUCCESS:
        if count_now(&pace.limited):
            pace_succeeded(pace, permit, now)
    elif signal == SIGNAL_NONE or signal == SIGNAL_UNSENT:
        if signal == SIGNAL_UNSENT:
            total_up(&pace.not_accepted)
            pace.not_counted += permit.epoch == count_now(&pace.epoch)
            pace.tokens += not permit.probe and not permit.last_chance
        pace_abandon_probe(pace, permit, now)
    else:
        advice = pace_refused(pace, permit, signal, retry_after, now)
    pace.monitor.unlock()
    return advice


cdef void pace_leave(Pace *pace, Waiter *waiter) noexcept nogil:
    """The waiter has nothing to start, or lets go; pace_next must follow."""
    pace.monitor.lock()
    if waiter.waiting:
        pace_remove(pace, waiter)
    pace.monitor.unlock()


cdef Waiter *pace_next(Pace *pace, double now) noexcept nogil:
    """The waiter to wake now, whose owner is held for the caller to let go of; NULL when there is none."""
    cdef Waiter *waiter
    pace.monitor.lock()
    waiter = pace_first(pace)
    if waiter != NULL and count_now(&pace.limited) and not pace_admits(pace, now) and (
        pace.alarmed == waiter and pace.alarmed_at <= pace_opens(pace, now) + 1e-6
    ):
        waiter = NULL
    if waiter != NULL:
        count_up(waiter.refs)
    pace.monitor.unlock()
    return waiter


cdef bint pace_stays_closed(Pace *pace, double until) noexcept nogil:
    pace.monitor.lock()
    cdef bint closed = count_now(&pace.limited) and pace.state == GATE_CLOSED and pace.until >= until
    pace.monitor.unlock()
    return closed


cdef Waiter *pace_first(Pace *pace) noexcept nogil:
    """Whose turn it is; NULL when it is nobody's."""
    cdef Waiter *waiter = pace.queue.first
    if knee_has_room(&pace.knee):
        return waiter
    if pace.adaptive_waiters == count_now(&pace.waiters):
        return NULL
    while waiter.adaptive:
        waiter = waiter.next
    return waiter


cdef bint pace_has_turn(Pace *pace, Waiter *waiter) noexcept nogil:
    if waiter.adaptive and not knee_has_room(&pace.knee):
        return False
    cdef Waiter *first = pace_first(pace)
    return first == NULL or first == waiter


cdef void pace_append(Pace *pace, Waiter *waiter) noexcept nogil:
    count_up(&pace.waiters)
    pace.adaptive_waiters += waiter.adaptive
    queue_append(&pace.queue, waiter)


cdef void pace_remove(Pace *pace, Waiter *waiter) noexcept nogil:
    count_down(&pace.waiters)
    pace.adaptive_waiters -= waiter.adaptive
    queue_remove(&pace.queue, waiter)
    if pace.alarmed == waiter:
        pace.alarmed = NULL
