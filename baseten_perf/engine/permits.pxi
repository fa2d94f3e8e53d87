# Permits: who may start the next request on a pace, in the order in which they came (turns.pxi).

cdef inline bint pace_has_place(Pace *pace, double cost, double now) noexcept nogil:
    """With the monitor held: may one more request start, of so many tokens?"""
    if count_now(&pace.limited) and not pace_admits(pace, now):
        return False
    return not count_now(&pace.told) or told_admits(pace, cost, now)


cdef inline double pace_has_place_at(Pace *pace, double cost, double now) noexcept nogil:
    """With the monitor held: when time alone may change that answer; INFINITY_S for never."""
    cdef double limited = pace_opens(pace, now) if count_now(&pace.limited) and not pace_admits(pace, now) else now
    return max(limited, told_opens(pace, cost, now)) if count_now(&pace.told) else limited


cdef bint pace_take(Pace *pace, Waiter *waiter, double cost, double now, bint last_chance, Permit *permit,
                    double *look_again) noexcept nogil:
    """Give a permit, or let the waiter stand in the FIFO; `look_again` is brought forward to when it must look again, and
    stays where it will be told.

    Parameters:
        waiter: NULL for one that takes what is free or nothing, such as a hedge.
        cost: of the request, in tokens.
        last_chance: start regardless: what comes of it ends the patience of its operation.
    """
    cdef bint taken, limited, told, first
    cdef bint adaptive = waiter != NULL and waiter.adaptive
    if not adaptive and not count_now(&pace.limited) and not count_now(&pace.told):
        pace_count(pace, now, permit)
        return True
    pace.turns.monitor.lock()
    if count_now(&pace.limited) and pace_is_calm(pace, now):
        pace_forget(pace, now)
    limited = count_now(&pace.limited)
    told = count_now(&pace.told)
    first = turns_are_of(&pace.turns, waiter) and (not adaptive or knee_has_room(&pace.knee))
    if limited and pace.turns.queue.first == NULL and count_now(&pace.flying) == 0:
        pace_skip_idle(pace, now)
    if not limited and not told and not adaptive:
        taken = True
    elif waiter == NULL and limited and (pace.state != GATE_OPEN or pace.kind == PACE_CAP):
        taken = False
    else:
        taken = last_chance or first and pace_has_place(pace, cost, now)
    if taken:
        pace_count(pace, now, permit)
        permit.last_chance = limited and last_chance
        if limited and not last_chance:
            pace_started(pace, now, permit)
        if told:
            told_started(pace, cost)
        if adaptive:
            knee_started(&pace.knee, &permit.place)
    if waiter != NULL and taken:
        turns_go_on(&pace.turns, waiter)
    elif waiter != NULL and turns_stand(&pace.turns, waiter, cost):
        look_again[0] = min(look_again[0], turns_alarm(&pace.turns, pace_has_place_at(pace, cost, now)))
    pace.turns.monitor.unlock()
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
    cdef bint adaptive, tells
    cdef Pace *pace = permit.pace
    if pace == NULL:
        return ADVICE_NONE
    permit.pace = NULL
    instant_set(&pace.idle_since, now)
    count_down(&pace.flying)
    if signal == SIGNAL_SUCCESS:
        instant_set(&pace.good, now)
    adaptive = permit.place.flying > 0
    if (signal == SIGNAL_SUCCESS or signal == SIGNAL_NONE) and not adaptive and not count_now(&pace.limited):
        return ADVICE_NONE
    pace.turns.monitor.lock()
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
    pace.turns.monitor.unlock()
    return advice


cdef Waiter *pace_next(Pace *pace, double now) noexcept nogil:
    """The waiter to wake now, whose owner is held for the caller to let go of; NULL when there is none."""
    cdef Waiter *waiter
    pace.turns.monitor.lock()
    waiter = turns_first(&pace.turns)
    if waiter != NULL and not pace_has_place(pace, waiter.cost, now) and (
        turns_are_alarmed(&pace.turns, pace_has_place_at(pace, waiter.cost, now))
    ):
        waiter = NULL
    if waiter != NULL:
        count_up(waiter.refs)
    pace.turns.monitor.unlock()
    return waiter


cdef inline void pace_tries(Pace *pace, double now) noexcept nogil:
    """An attempt starts that a limit may have held back, which is no refusal."""
    if instant_now(&pace.tried) <= instant_now(&pace.good):
        instant_set(&pace.tried, now)


cdef bint pace_stays_closed(Pace *pace, double until) noexcept nogil:
    pace.turns.monitor.lock()
    cdef bint closed = count_now(&pace.limited) and pace.state == GATE_CLOSED and pace.until >= until
    pace.turns.monitor.unlock()
    return closed
