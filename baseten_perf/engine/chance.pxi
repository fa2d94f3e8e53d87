# Refusals by chance: a server that refuses some requests whatever their rate and number, as one of many behind a balancer does.
#
# A rate that is lowered after each refusal only wastes time there.  Refusals one after the other at rates that were borne
# before begin a trial: the rate is raised from cycle to cycle.  Where it is the reason, cycles get shorter; where they do
# not, a refusal concerns nobody but the refused request, until too many are.

cdef enum:
    FUTILE = 5                      # refusals that begin the first trial
    MOST_FUTILE = 64                # each trial in vain doubles how many the next one needs, up to this
    REFUSED_BY_CHANCE = 12          # so many refusals among the last requests, and
cdef double LEAST_SHARE = 0.1       # so large a part of them are no chance,
cdef double EARLY_SHARE = 0.2       # the least after a request that was accepted before Retry-After was over
cdef double MOST_SHARE = 0.75
cdef double TIMES_SHARE = 3         # or so many times the part that was seen in the trial
cdef double BELOW = 0.75            # of the rate that was borne before
cdef double SHORT_S = 0.05          # seconds of a mean closure: a longer one may be that of a small quota
cdef double IRREGULAR = 0.1         # of its square, the variance of a cycle's length: that of a quota's is smaller
cdef double LEVEL = 10              # requests that are accepted,
cdef int LEVEL_CYCLES = 3           # in so many cycles, before the next rate is tried
cdef double RAISE = 4               # growth of the rate from level to level,
cdef double FOLLOWS = 1.5           # and of the rate that was borne
cdef double LEAST_RAISE = 4         # growth at the end of a trial
cdef double SHORTER = 0.25          # of their length before: such cycles end the trial
cdef double LONG = 8                # requests of a mean cycle; the length of shorter ones tells nothing
cdef double LEAST_ACCEPTED = 8      # requests of a cycle that tells what rate is borne


cdef bint pace_was_borne(Pace *pace, double now) noexcept nogil:
    """Was the rate that a refusal met borne before?"""
    return pace.rate != INFINITY_S and pace.bank == 0 and (
        pace.rate < BELOW * pace.best or pace.mean_closure <= SHORT_S and pace_progress(pace, now) < BELOW)


cdef void pace_count_cycle(Pace *pace, double accepted) noexcept nogil:
    cdef double off = accepted - pace.length
    if pace.length == 0:
        pace.length = accepted
        return
    pace.length += off / 3
    pace.spread = (pace.spread + off * off / 3) * 2 / 3


cdef double pace_try_higher(Pace *pace, double accepted, double period, double rate) noexcept nogil:
    """The rate of the next cycle: `rate`, or more in a trial."""
    cdef double borne, length
    if accepted >= LEAST_ACCEPTED:
        pace.best = max(pace.best, accepted / period)
    if pace.trial == 0:
        if pace.futile >= pace.enough and (
            pace.length < LONG or pace.spread >= IRREGULAR * pace.length * pace.length
        ):
            pace.trial = pace.level = pace.low
            pace.level_before = 0
            pace_begin_level(pace)
        return rate
    pace.level_cycles += 1
    pace.level_accepted += accepted
    pace.level_s += period
    if pace.level_cycles < LEVEL_CYCLES or pace.level_accepted < LEVEL:
        return max(rate, pace.level)
    borne = pace.level_accepted / pace.level_s
    length = pace.level_accepted / pace.level_cycles
    if pace.level_before == 0:
        pace.level_length = length
        pace.share = TIMES_SHARE * (1 - pace.level_accepted / <double>(total_now(&pace.started) - pace.level_from))
    elif length < SHORTER * pace.level_length or length < LONG and borne < FOLLOWS * pace.level_before:
        pace_end_trial(pace)
        pace.best = borne
        return rate
    elif pace.level >= max(pace.best, LEAST_RAISE * pace.trial):
        pace_leave_to_chance(pace, pace.share)
        return rate
    pace.level *= RAISE
    pace.level_before = borne
    pace_begin_level(pace)
    return max(rate, pace.level)


cdef void pace_begin_level(Pace *pace) noexcept nogil:
    pace.level_cycles = 0
    pace.level_accepted = pace.level_s = 0
    pace.level_from = total_now(&pace.started)


cdef void pace_end_trial(Pace *pace) noexcept nogil:
    pace.trial = 0
    pace.futile = 0
    if pace.mean_closure > SHORT_S:
        pace.enough = min(<int>MOST_FUTILE, 2 * pace.enough)


cdef void pace_leave_to_chance(Pace *pace, double share) noexcept nogil:
    pace.kind = PACE_CHANCE
    pace.share = min(MOST_SHARE, max(LEAST_SHARE, share))
    pace.rate = pace.cap = INFINITY_S
    pace.trial = pace.futile = pace.bank = 0
    pace.window = total_now(&pace.started)
    pace.failures = 0


cdef bint pace_is_chance(Pace *pace, Permit *permit) noexcept nogil:
    """Is a refusal one of the few that a server which refuses by chance is known for?"""
    if pace.kind != PACE_CHANCE or pace.state != GATE_OPEN:
        return False
    pace_count_failure(pace, permit, True)
    if pace.failures < REFUSED_BY_CHANCE or (
        pace.failures < pace.share * <double>(total_now(&pace.started) - pace.window)
    ):
        return True
    pace.kind = PACE_RATE
    pace_end_trial(pace)
    return False
