# The gate of a pace: the first refusal closes it for all, one probe opens it again.  With the pace's monitor held.

cdef double FIRST_CLOSURE_S = 0.02  # the shortest closure without Retry-After
cdef double GROWTH = 0.5            # each later one waits half as long again as the closure has lasted,
cdef double LONGEST_CLOSURE_S = 1   # but no longer than this
cdef double FIRST_CONNECT_S = 0.125 # the wait after a failed connection to an endpoint that never answered, then four times it
cdef double EARLY_S = 0.25          # of a reported closure, from which on one request tests whether it is a cap's
cdef double LONGEST_PROBE_S = 5     # a probe without an answer for so long gets company
cdef double CALM_S = 60             # without a refusal, or ten closures: the pace is forgotten
cdef double LONGEST_CALM_S = 600
cdef double DENSE = 0.25            # so large a part of the requests failed with 5xx is a sign of load,
cdef double DENSE_LIMITED = 0.1     # or this where it is known to refuse
cdef enum:
    LOSSES = 2                      # one after the other, that tell of an outage
    SOFT = 8                        # and so many
    WINDOW = 64
    MOST_CONNECTS = 2               # attempts after the first at an endpoint that never answered

# What an attempt tells its pace.
cdef enum Signal:
    SIGNAL_NONE                     # nothing: it was aborted, or the failure is the request's own
    SIGNAL_UNSENT                   # the server has not seen it
    SIGNAL_SUCCESS                  # the server answered
    SIGNAL_REFUSED                  # 429; 503 and 529 with a Retry-After
    SIGNAL_SOFT                     # other statuses that are retried
    SIGNAL_GONE                     # no connection
    SIGNAL_LOST                     # a time-out or a reset after sending

# What becomes of an attempt's request.
cdef enum Advice:
    ADVICE_NONE
    ADVICE_GATE                     # it waits at the gate, in front of the others
    ADVICE_KNOCK                    # the same at an endpoint that has never answered
    ADVICE_ALONE                    # at the gate, but not before its own Retry-After is over
    ADVICE_BACK_OFF                 # it was the request's own bad luck
    ADVICE_GIVE_UP                  # the endpoint has never answered


cdef bint pace_admits(Pace *pace, double now) noexcept nogil:
    """May one more request start?"""
    if pace.state == GATE_CLOSED:
        return now >= pace.until or pace.early
    if pace.state == GATE_PROBE:
        if pace.explicit:
            return now >= pace.probe_at + LONGEST_PROBE_S
        if now < pace.probe_at + pace_settle(pace):
            return False
        pace_reopen(pace, now)
    pace_refill(pace, now)
    if pace.rate != INFINITY_S and pace.tokens < 1 - 1e-9:
        return False
    return pace.kind != PACE_CAP or count_now(&pace.flying) < pace_most_flying(pace, now)


cdef double pace_opens(Pace *pace, double now) noexcept nogil:
    """When time alone may change the answer of pace_admits."""
    if pace.state == GATE_CLOSED:
        return pace.until
    if pace.state == GATE_PROBE:
        return pace.probe_at + (LONGEST_PROBE_S if pace.explicit else pace_settle(pace))
    if pace.rate != INFINITY_S and pace.tokens < 1 - 1e-9:
        return pace_refills_at(pace, now)
    return max(now, pace_more_at(pace, now)) if pace.kind == PACE_CAP else INFINITY_S


cdef void pace_started(Pace *pace, double now, Permit *permit) noexcept nogil:
    pace.last_start = now
    if pace.state != GATE_OPEN:
        permit.probe = True
        pace.was_early = pace.state == GATE_CLOSED and now < pace.until
        pace.state = GATE_PROBE
        pace.probe_at = now
        pace.probe_flying = permit.flying
        pace.early = False
    elif pace.rate != INFINITY_S:
        pace.tokens -= 1


cdef inline bint is_probe(Pace *pace, Permit *permit) noexcept nogil:
    """Of this closure, not of an earlier one."""
    return permit.probe and permit.started >= pace.closed_at


cdef void pace_succeeded(Pace *pace, Permit *permit, double now) noexcept nogil:
    pace.took += 0.1 * (now - permit.started - pace.took) if pace.took > 0 else now - permit.started
    if permit.epoch == count_now(&pace.epoch):
        pace.most_flying = max(pace.most_flying, permit.flying)
    if pace.state == GATE_PROBE and (permit.started >= pace.probe_at or is_probe(pace, permit)):
        pace_reopen(pace, now)
    elif pace.state == GATE_CLOSED and (
        permit.started >= pace.closed_at or pace.lost and now > pace.closed_at + pace_settle(pace)
    ):
        # Sent all the same, or long after what was lost: the server takes requests.
        pace.probe_at = max(permit.started, pace.closed_at)
        pace.probe_flying = permit.flying
        pace.was_early = False
        pace_reopen(pace, now)
    elif pace.state == GATE_CLOSED and not pace.explicit and permit.started < pace.closed_at:
        if pace.kind == PACE_CAP:
            # A place is free again.
            pace.probe_at = now
            pace.probe_flying = -1
            pace.was_early = False
            pace_judge(pace, now)
            if pace.kind == PACE_CAP or not pace.reported:
                pace_reopen(pace, now)
        elif pace.kind == PACE_UNKNOWN and not pace.tried_early and pace.until - pace.closed_at >= EARLY_S:
            pace.early = pace.tried_early = True    # a cap would have a place now


cdef Advice pace_refused(Pace *pace, Permit *permit, Signal signal, double retry_after, double now) noexcept nogil:
    """Close the gate, or keep it closed; what the request is to do."""
    cdef bint probes = pace.state == GATE_PROBE and is_probe(pace, permit)
    cdef bint current = permit.epoch == count_now(&pace.epoch)
    total_up(&pace.not_accepted)
    pace.not_counted += current
    if (signal == SIGNAL_REFUSED or signal == SIGNAL_SOFT) and pace_is_chance(pace, permit):
        pace.refused_at = now
        return ADVICE_ALONE if signal == SIGNAL_REFUSED else ADVICE_BACK_OFF
    if signal == SIGNAL_LOST and not pace_is_losing(pace, permit) or (
        signal == SIGNAL_SOFT and not pace_is_loaded(pace, permit, now)
    ):
        if pace.soft and instant_now(&pace.good) == 0 and count_now(&pace.flying) == 0:
            pace_forget(pace, now)  # nobody has got through: it was no load
        elif probes:
            pace_close_again(pace, 0, now)
        return ADVICE_BACK_OFF
    cdef bint stranger = signal == SIGNAL_GONE and instant_now(&pace.good) == 0 and not permit.responded
    if stranger and permit.begun < pace.given_up_at:
        return ADVICE_GIVE_UP
    if stranger and (permit.probe or pace.state == GATE_OPEN):
        pace.connects += 1
        if pace.connects > MOST_CONNECTS:
            # For all calls that run.  A later one begins anew: the server may only just be starting.
            pace_forget(pace, now)
            pace.given_up_at = now
            return ADVICE_GIVE_UP
    pace.refused_at = now
    if signal == SIGNAL_REFUSED or signal == SIGNAL_SOFT:
        pace.trip += 0.2 * (min(now - permit.started, 1.0) - pace.trip)
    if pace.state == GATE_OPEN and current:
        pace_close(pace, permit, signal, retry_after, now)
    elif probes:
        pace.reported = pace.reported and retry_after > 0
        pace.explicit = signal == SIGNAL_GONE or signal == SIGNAL_LOST
        pace_close_again(pace, retry_after, now)
    elif not permit.last_chance:
        # The rest of the cascade.
        pace.least_flying = min(pace.least_flying, permit.flying)
        pace.left = count_now(&pace.flying)
        if pace.state == GATE_CLOSED and retry_after > 0:
            pace.until = max(pace.until, now + retry_after)
    if stranger:
        return ADVICE_KNOCK
    return ADVICE_ALONE if pace.kind == PACE_CAP and retry_after > 0 else ADVICE_GATE


cdef void pace_close(Pace *pace, Permit *permit, Signal signal, double retry_after, double now) noexcept nogil:
    """The first refusal of a cascade."""
    knee_refused(&pace.knee)
    pace.futile = pace.futile + 1 if pace_was_borne(pace, now) else 0
    count_set(&pace.limited, 1)
    pace.state = GATE_CLOSED
    pace.closed_at = now
    pace.reported = retry_after > 0
    pace.soft = signal == SIGNAL_SOFT
    pace.lost = signal == SIGNAL_LOST
    pace.explicit = signal == SIGNAL_GONE or signal == SIGNAL_LOST
    pace.judged = pace.early = pace.tried_early = pace.was_early = False
    pace.least_flying = permit.flying
    pace.left = count_now(&pace.flying)
    if retry_after > 0:
        pace.until = now + max(retry_after, FIRST_CLOSURE_S)
    elif pace.kind == PACE_CAP and pace.left > 0:
        pace.until = now + LONGEST_CLOSURE_S    # the end of one in flight will open it
    else:
        pace.until = now + pace_unreported(pace, GROWTH * pace.usual)


cdef void pace_close_again(Pace *pace, double retry_after, double now) noexcept nogil:
    """A probe was refused."""
    pace.state = GATE_CLOSED
    if pace.was_early:
        # Although fewer were in flight: it is no cap.
        pace.kind = PACE_RATE
        pace.was_early = False
        pace.until = max(pace.until, now + retry_after)
    else:
        pace.until = now + (max(retry_after, FIRST_CLOSURE_S) if retry_after > 0
                            else pace_unreported(pace, GROWTH * (now - pace.closed_at)))


cdef void pace_abandon_probe(Pace *pace, Permit *permit, double now) noexcept nogil:
    """The probe was aborted: the next one may go at once."""
    if pace.state == GATE_PROBE and is_probe(pace, permit):
        pace.state = GATE_CLOSED
        pace.until = now


cdef double pace_unreported(Pace *pace, double wait) noexcept nogil:
    """How long to keep closed without a Retry-After."""
    if pace.connects > 0 and instant_now(&pace.good) == 0:
        return FIRST_CONNECT_S * (1 if pace.connects == 1 else 4)
    return min(LONGEST_CLOSURE_S, max(max(FIRST_CLOSURE_S, wait), 1 / pace.wide if pace.wide > 0 else 0.0))


cdef bint pace_is_losing(Pace *pace, Permit *permit) noexcept nogil:
    """Is an attempt that was lost more than its own bad luck?  When it is not the only one, nobody has got through since it
    began, and others are in flight or wait for the end of an outage."""
    cdef double good = instant_now(&pace.good)
    pace.losses = pace.losses + 1 if pace.lost_after == good else 1
    pace.lost_after = good
    if not 0 < good <= permit.started:
        return False
    return pace.state != GATE_OPEN or pace.losses >= LOSSES and count_now(&pace.flying) > 0


cdef void pace_count_failure(Pace *pace, Permit *permit, bint counts) noexcept nogil:
    """Counted by starts: failures are sooner back than successes."""
    cdef long long started = total_now(&pace.started)
    if started - pace.window > 2 * max(<int>WINDOW, count_now(&pace.flying)):
        pace.window = started
        pace.failures = 0
    pace.failures += permit.number >= pace.window and counts


cdef bint pace_is_loaded(Pace *pace, Permit *permit, double now) noexcept nogil:
    """Is a status without Retry-After a sign of load?  When a good part of the requests got one, or where the last
    refusals were; at an endpoint that has never answered only as long as others may yet get through."""
    cdef bint limited = count_now(&pace.limited)
    # One that was alone in flight tells nothing of load.
    pace_count_failure(pace, permit, limited or permit.flying > 0)
    cdef long long started = total_now(&pace.started)
    cdef bint dense = pace.failures >= SOFT and (
        pace.failures >= (DENSE_LIMITED if limited else DENSE) * (started - pace.window))
    if instant_now(&pace.good) == 0:
        return dense and count_now(&pace.flying) > 0
    if dense:
        return True
    if not limited or pace.state == GATE_CLOSED:
        return limited
    if pace.state == GATE_PROBE and is_probe(pace, permit):
        return True
    if permit.flying == 0:
        return False                # alone in flight, it loaded nothing
    if pace.kind == PACE_CAP:
        return permit.flying >= 0.95 * pace.cap - 1
    return pace.scale < 1 or pace_progress(pace, now) >= 0.75


cdef void pace_reopen(Pace *pace, double now) noexcept nogil:
    """A probe got through."""
    cdef double accepted = max(1.0, <double>(total_now(&pace.started) - total_now(&pace.not_accepted) - 1))     # the probe aside
    cdef bint was_cap = pace.kind == PACE_CAP or pace.judged
    pace.closure = pace.probe_at - pace.closed_at
    pace.scale = min(1.0, pace.scale * 2)
    pace_judge(pace, now)
    if pace.kind == PACE_CAP:
        pace.rate = INFINITY_S
        pace.bank = 0
        pace.span = CYCLE_S * pace.scale
    elif pace.explicit:
        pace_keep_rate(pace)
    else:
        pace_measure(pace, accepted, was_cap)
    pace.tokens = 0
    pace.batch = 1
    pace.refilled_at = pace.batch_at = pace.opened_at = now
    pace.not_counted = total_now(&pace.started) - 1
    pace.most_flying = 0
    pace.state = GATE_OPEN
    count_set(&pace.epoch, count_now(&pace.epoch) + 1)


cdef bint pace_is_calm(Pace *pace, double now) noexcept nogil:
    return (pace.state == GATE_OPEN
            and now - pace.refused_at > max(CALM_S, min(10 * pace.closure, LONGEST_CALM_S)))
