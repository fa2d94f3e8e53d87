# The rate of a pace: measured from one opening of the gate to the next, then raised past where it was refused.
#
# It grows along a cubic from `low` to `wide`, where the last refusal came, and beyond, as TCP CUBIC (RFC 9438) lets a
# window grow.  A bucket of tokens turns it into starts.

cdef double UNIT = 64               # requests, and
cdef double CYCLE_S = 2             # seconds after which the rate is back where it was refused, whichever is later
cdef double HEALTHY_CYCLE_S = 10    # how far back the first measure looks
cdef double CLOSURES = 10           # seconds of growth for each second of a closure that Retry-After asked for,
cdef double LONGEST_S = 15          # at most this many
cdef double FIRST_SCALE = 0.125     # the first cycles are shorter by this: first estimates are wrong by up to 10 times
cdef double DEPTH_S = 0.002         # seconds of the rate that may start at once: timers have milliseconds
cdef double BANK_S = 3              # of a reported closure, from which on what it saved up may be sent in bursts
cdef double BETA = 0.8              # new rate = measured ** TRUST * (BETA * refused rate) ** (1 - TRUST)
cdef double TRUST = 0.8
cdef double FLOOR = 0.85            # all give up as much at a refusal, and
cdef double FAIR = 2                # small shares of a quota grow faster than large ones, so that they even out
cdef double LEAST_CLOSURE_S = 0.25
cdef double LEAST_SOFT_RATE = 10    # a second: a status without Retry-After may have another reason than the rate
cdef double SETTLE = 4              # round trips of a refusal after which a request is held to be accepted,
cdef double LEAST_SETTLE_S = 0.004  # at least


cdef inline double cube(double number) noexcept nogil:
    return number * number * number


cdef double pace_settle(Pace *pace) noexcept nogil:
    return max(LEAST_SETTLE_S, SETTLE * pace.trip)


cdef double pace_progress(Pace *pace, double now) noexcept nogil:
    """0 at the opening, 1 when the rate is back where it was refused, and on."""
    cdef double unit = UNIT * pace.scale
    cdef double past = now - pace.opened_at
    cdef double count = <double>(total_now(&pace.started) - pace.not_counted)
    if count >= unit and past >= pace.span:
        return 1 + min(count / unit - 1, (past - pace.span) / (CYCLE_S * pace.scale))
    return max(0.0, min(count / unit, past / pace.span))


cdef void pace_refill(Pace *pace, double now) noexcept nogil:
    cdef double progress, step, depth, given
    if pace.rate == INFINITY_S:
        return
    progress = pace_progress(pace, now)
    step = pace.wide - pace.low
    if progress >= 1:
        step = max(step, FAIR * sqrt(pace.wide))
    pace.rate = pace.wide + step * cube(progress - 1)
    # 1, 2, 4, ... of what was saved up, while none of them is refused.
    while pace.bank > 0 and now >= pace.batch_at:
        given = min(pace.bank, pace.batch)
        pace.bank -= given
        pace.tokens += given
        pace.batch *= 2
        pace.batch_at = now + pace_settle(pace)
    depth = max(1.0, pace.rate * DEPTH_S)
    if pace.tokens < depth:
        pace.tokens = min(depth, pace.tokens + (now - pace.refilled_at) * pace.rate)
    pace.refilled_at = now


cdef double pace_refills_at(Pace *pace, double now) noexcept nogil:
    """When a token will be there."""
    cdef double at = now + (1 - pace.tokens) / max(pace.rate, 1e-3) + 1e-6
    return min(at, pace.batch_at) if pace.bank > 0 else at


cdef void pace_keep_rate(Pace *pace) noexcept nogil:
    """An outage says nothing of a rate: the one that was known, if any, still holds."""
    pace.bank = 0
    pace.span = CYCLE_S * pace.scale
    pace_new_cycle(pace, pace.probe_at)


cdef void pace_new_cycle(Pace *pace, double now) noexcept nogil:
    instant_set(&pace.cycle, now)
    total_set(&pace.not_accepted, total_now(&pace.started) - 1)


cdef void pace_measure(Pace *pace, double accepted, bint was_cap) noexcept nogil:
    """What the cycle that ends with this opening says of the server's rate."""
    cdef double closed = pace.probe_at - pace.closed_at
    cdef double cycle = instant_now(&pace.cycle)
    cdef double low = accepted / max(pace.probe_at - cycle, 1e-3)
    cdef double wide = accepted / max(pace.closed_at - cycle, pace_settle(pace))
    wide = max(low, wide if pace.rate == INFINITY_S else min(pace.rate, 2 * wide))
    if was_cap and pace.wide > 0:
        # It was none: what was known before still holds.
        low = max(low, pace.low)
        wide = pace.wide
    cdef double rate = min(FLOOR * wide, pow(low, TRUST) * pow(BETA * wide, 1 - TRUST))
    pace_count_cycle(pace, accepted)
    pace.mean_closure += (closed - pace.mean_closure) / 3
    rate = pace_try_higher(pace, accepted, max(pace.probe_at - cycle, 1e-3), rate)
    if pace.kind != PACE_CHANCE:
        # Whatever else: half as fast as it has lately opened again.
        rate = max(rate, LEAST_SOFT_RATE if pace.soft else 0.5 / max(pace.mean_closure, LEAST_CLOSURE_S))
        pace.low = pace.rate = rate
        pace.wide = max(wide, rate / FLOOR)
    pace.bank = max(0.0, low * closed - 1) if pace.reported and closed >= BANK_S else 0.0
    pace.span = min(LONGEST_S, max(CYCLE_S * pace.scale, CLOSURES * closed if pace.reported else 0.0))
    if not pace.reported:
        pace.usual += 0.5 * (closed - pace.usual)
    pace_new_cycle(pace, pace.probe_at)
