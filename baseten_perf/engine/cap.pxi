# The cap of a pace: how many requests the server takes at a time, believed in only where refusals tell of one.
#
# A server that counts what is in flight refuses at the same number, whatever the rate.  A quota's burst ends at the same
# number as well, so the evidence must come from different rates, and each refutation doubles how much is asked for.

cdef double TOLERANCE = 0.15        # share of a number in flight that counts as equal
cdef double REFILLS = 1.5           # times the cap that a cycle must have carried
cdef double STEADY = 0.05           # a rate within this of where it was refused is no other rate
cdef double GAP = 0.1               # share of a cap that is given up after a refusal
cdef enum:
    AGREE = 2                       # equal numbers that make a cap
    MOST_NEED = 64


cdef double pace_more_at(Pace *pace, double now) noexcept nogil:
    """When one more than the cap may be tried."""
    if pace.sure and pace.extra == 0 and pace_progress(pace, now) < 2:
        return INFINITY_S
    return max(pace.extra_at, pace.last_start + 0.5 * pace.took / pace.cap)


cdef double pace_most_flying(Pace *pace, double now) noexcept nogil:
    """How many may be in flight.  Now and then one more, midway between two others: a rate forgives with time and lets
    it pass, a cap does not.  If it passes: three, seven, ... more."""
    cdef double most = pace.cap
    if pace.sure:
        most = max(1.0, min(pace.cap, rint(pace.cap * (1 + GAP * cube(pace_progress(pace, now) - 1)))))
    if count_now(&pace.flying) >= most + pace.extra and now >= pace_more_at(pace, now):
        pace.extra = 2 * pace.extra + 1
        pace.extra_at = now + pace_settle(pace)
        pace.sure = pace.sure and pace.extra == 1
    return most + pace.extra


cdef void pace_judge(Pace *pace, double now) noexcept nogil:
    """Was the last cascade of refusals the work of a cap?  Once per cascade."""
    cdef double held = max(pace.least_flying, pace.left)
    cdef double slack = rint(TOLERANCE * held)
    cdef double accepted = <double>(total_now(&pace.started) - total_now(&pace.not_accepted) - 1)
    if pace.judged:
        return
    pace.judged = True
    if pace.kind == PACE_CAP:
        if held > 0 and held > pace.probe_flying and (
            0.95 * pace.cap - 1 <= held <= pace.cap + slack or held > pace.cap and pace.sure
        ):
            pace.sure = True
            pace.extra = pace.strange = 0
            pace.cap = held
        else:
            # Refused with fewer than it takes: no cap, or a smaller one.
            pace.strange += 1
            pace.extra = 0
            if pace.strange > 1 or held == 0 or not pace.sure:
                pace.kind = PACE_RATE
                pace.cap = INFINITY_S
                pace.need = min(<int>MOST_NEED, 2 * pace.need)
                if pace.by_early and held > 0:
                    # It took a request before Retry-After was over, and it was no place that had become free.
                    pace.by_early = False
                    pace_leave_to_chance(pace, EARLY_SHARE)
    elif pace.was_early and held > 0:
        pace.by_early = True
        pace_suspect(pace, now, held)
    elif (held == 0 or fabs(held - pace.cap_seen) > slack or pace.most_flying > held + slack + 1
          or pace.probe_flying >= held):
        pace.agree = 0
    elif accepted >= REFILLS * held and fabs(pace.rate - pace.wide) > STEADY * pace.wide:
        pace.agree += 1
        if pace.agree >= pace.need:
            pace_suspect(pace, now, held)
    pace.cap_seen = held


cdef void pace_suspect(Pace *pace, double now, double cap) noexcept nogil:
    pace.kind = PACE_CAP
    pace.cap = cap
    pace.strange = pace.agree = pace.extra = 0
    pace.scale = FIRST_SCALE
    pace.sure = False
    pace.extra_at = now + pace_settle(pace)
