# The knee of a pace: how many requests in flight are of use, found by trials.
#
# Calls with max_concurrent_requests="auto" keep to `limit`, all of them at one pace together.  By Little's law the throughput
# at a limit is the number in flight divided by the mean latency, so it is told by what ends while the limit is reached, and
# by nothing else: neither idle time nor calls with fewer requests lead anywhere.  A trial compares another limit with
# `base`: at first the double, later a factor of sqrt(2) up and down by turns.  It looks at the elasticity: the growth of the
# throughput beside that of the number in flight, as logarithms.  This is 1 below the knee and 0 beyond, where only queues
# grow.  The base moves up while the elasticity is above UP, and down while it is below DOWN.
#
# Latencies vary with the inputs, and those that follow each other are alike.  So they are taken in blocks, whose means tell
# how far chance goes; a difference that chance may explain moves nothing until the trial is long enough.
#
# All with the pace's monitor held, except that `limit` is atomic.

cdef double UP = 0.12
cdef double DOWN = 0.09
cdef double LIKELY_UP = 0.3         # the same at the end of a trial that chance may explain
cdef double LIKELY_DOWN = 0.2
cdef double STEEP = 0.5             # above this the next limit is the double, and the slow start asks for no more blocks
cdef double SURE = 1.5              # standard errors that chance does not explain
cdef double DRIFTED = 3             # the same for a block that does not go with those before,
cdef double LEAST_DRIFT = 0.25      # and the logarithm of the latencies' ratio, at least
cdef double LEAST_STEP = 0.02       # of the logarithm of the number in flight: with others' requests it may hardly grow
cdef double UNLIKE = 0.01           # no two means are more alike than this
cdef double LONGEST_QUEUE = 10      # times the least mean latency; no higher limit is tried beyond
cdef double FORGETS = 1.02          # growth of the least latency with each block
cdef double UNSETTLED = 0.1         # of the limit: when so few are left of those from before a change, it tells
cdef double UNSETTLED_EARLY = 0.25  # the same in the slow start
cdef enum:
    FIRST_LIMIT = 8
    MOST_LIMIT = 1024
    LEAST_BLOCK = 16                # completions
    MOST_UNSETTLED = 8              # limits of completions after which it tells in any case
    REMEMBERED_BLOCKS = 12          # older ones fade
    LONGEST_TRIAL = 8               # blocks
    BLOCKS_BETWEEN = 2              # trials; each in vain doubles it,
    MOST_VAIN = 6                   # so many times at most
    PRIOR_BLOCKS = 2                # that the error of a block is guessed from before there are any

# Blocks of latencies.
cdef struct Sample:
    double blocks
    double latency                  # mean
    double squares                  # sum of the squared deviations of the blocks' means
    double flying                   # mean number in flight

# Of an attempt among those that keep to the limit.
cdef struct Place:
    int flying                      # when it started, itself included; 0: it is none of them
    long long number                # of the start

cdef struct Knee:
    int limit
    int base
    int flying                      # of those that keep to the limit
    int trial                       # 1: a higher limit is tried; -1: a lower one; 0: none
    int next                        # the trial to come
    int vain                        # trials one after the other that moved nothing
    bint slow_start                 # as long as doubling, the only trial then, is of use
    double factor                   # of the next higher limit
    long long started
    long long before                # starts with smaller numbers belong to the time before the last change of the limit,
    int unsettled                   # and so many of them are in flight
    int ended                       # since that change
    int blocks                      # since the last trial
    int count                       # of the block that is being filled,
    double latency                  # its sum,
    double others                   # and the sum of the numbers in flight
    double least                    # mean latency
    Sample held                     # at the base
    Sample tried                    # in the trial


cdef void knee_init(Knee *knee) noexcept nogil:
    knee.base = FIRST_LIMIT
    knee.next = 1
    knee.slow_start = True
    knee.factor = 2
    knee_change(knee, FIRST_LIMIT, 0)


cdef inline bint knee_has_room(Knee *knee) noexcept nogil:
    return knee.flying < knee.limit


cdef void knee_started(Knee *knee, Place *place) noexcept nogil:
    knee.flying += 1
    place.flying = knee.flying
    place.number = knee.started
    knee.started += 1


cdef void knee_ended(Knee *knee, Place *place, int flying, double latency) noexcept nogil:
    """An attempt has ended that had `flying` at its pace when it started; `latency` is 0 where it tells nothing."""
    cdef int low = min(knee.base, knee.limit)
    knee.flying -= 1
    knee.unsettled -= place.number < knee.before
    if latency <= 0:
        return
    knee.ended += 1
    if knee.ended < MOST_UNSETTLED * knee.limit and (
        knee.unsettled > (UNSETTLED_EARLY if knee.slow_start else UNSETTLED) * knee.limit
    ):
        return
    if place.flying >= low - max(1, low // 8):
        knee.count += 1
        knee.latency += latency
        knee.others += flying
        if knee.count >= max(<int>LEAST_BLOCK, knee.limit // 2 if knee.slow_start else knee.limit):
            knee_take_block(knee)
            return
    if knee.trial != 0 and knee.ended > MOST_UNSETTLED * knee.limit + 2 * LONGEST_TRIAL * max(<int>LEAST_BLOCK, knee.limit):
        knee_fall_back(knee)        # too few requests came


cdef void knee_refused(Knee *knee) noexcept nogil:
    """The server takes no more."""
    knee.slow_start = False
    knee_clear_block(knee)
    if knee.trial > 0:
        knee_fall_back(knee)


cdef void knee_change(Knee *knee, int limit, int trial) noexcept nogil:
    cdef int fresh = max(0, limit - knee.flying)
    knee.before = knee.started + fresh      # what fills the new places at once tells as little as what flies already
    knee.unsettled = knee.flying + fresh
    knee.trial = trial
    knee.ended = knee.blocks = 0
    knee.tried.blocks = knee.tried.squares = 0
    knee_clear_block(knee)
    count_set(&knee.limit, limit)


cdef void knee_clear_block(Knee *knee) noexcept nogil:
    knee.count = 0
    knee.latency = knee.others = 0


cdef void knee_take_block(Knee *knee) noexcept nogil:
    cdef double latency = knee.latency / knee.count
    cdef double flying = knee.others / knee.count
    knee_clear_block(knee)
    if knee.trial != 0:
        sample_add(&knee.tried, latency, flying)
        knee_judge(knee)
        return
    knee.least = min(knee.least * FORGETS, latency) if knee.least > 0 else latency
    cdef double drift = log(latency / knee.held.latency) if knee.held.blocks >= 2 else 0.0
    if fabs(drift) > max(LEAST_DRIFT, DRIFTED * sqrt(knee_error(knee) * (1 + 1 / max(1.0, knee.held.blocks)))):
        # The server or the requests are not what they were.
        knee.held.blocks = knee.held.squares = 0
        knee.vain = knee.blocks = 0
        knee.next = -1 if drift > 0 else 1
    sample_add(&knee.held, latency, flying)
    knee.blocks += 1
    if knee.blocks >= BLOCKS_BETWEEN << knee.vain:
        knee_try(knee)


cdef void sample_add(Sample *sample, double latency, double flying) noexcept nogil:
    # B. P. Welford's method; of older blocks the weight fades.
    cdef double off
    if sample.blocks == 0:
        sample.latency = sample.flying = sample.squares = 0
    elif sample.blocks >= REMEMBERED_BLOCKS:
        sample.squares *= (REMEMBERED_BLOCKS - 1) / sample.blocks
        sample.blocks = REMEMBERED_BLOCKS - 1
    sample.blocks += 1
    off = latency - sample.latency
    sample.latency += off / sample.blocks
    sample.squares += off * (latency - sample.latency)
    sample.flying += (flying - sample.flying) / sample.blocks


cdef double sample_spread(Sample *sample) noexcept nogil:
    return sample.squares / (sample.latency * sample.latency) if sample.blocks > 0 else 0.0


cdef double knee_error(Knee *knee) noexcept nogil:
    """The square of a block's relative error by chance."""
    cdef double blocks = max(0.0, knee.held.blocks - 1) + max(0.0, knee.tried.blocks - 1)
    cdef double guessed = <double>PRIOR_BLOCKS / max(<int>LEAST_BLOCK, knee.limit)
    return (sample_spread(&knee.held) + sample_spread(&knee.tried) + guessed) / (blocks + PRIOR_BLOCKS) + UNLIKE * UNLIKE


cdef void knee_try(Knee *knee) noexcept nogil:
    """Begin the next trial."""
    cdef int limit
    knee.blocks = 0
    if knee.next > 0:
        limit = min(<int>MOST_LIMIT, max(knee.base + 1, <int>(knee.base * knee.factor + 0.5)))
    else:
        limit = max(1, min(knee.base - 1, <int>(knee.base * sqrt(0.5) + 0.5)))
    if limit == knee.base or knee.next > 0 and knee.held.latency > LONGEST_QUEUE * knee.least:
        knee.next = -knee.next
        knee.slow_start = False
    else:
        knee_change(knee, limit, knee.next)


cdef void knee_judge(Knee *knee) noexcept nogil:
    """What the trial says so far."""
    cdef double step = log(knee.tried.flying / knee.held.flying)
    cdef double elasticity = 0
    cdef double error
    cdef bint longest = knee.tried.blocks >= LONGEST_TRIAL
    if step * knee.trial > LEAST_STEP:
        elasticity = 1 - log(knee.tried.latency / knee.held.latency) / step
        error = SURE * sqrt(knee_error(knee) * (1 / knee.held.blocks + 1 / knee.tried.blocks)) / fabs(step)
        if knee.tried.blocks < 2:
            if knee.slow_start and elasticity > STEEP:
                knee_move(knee, elasticity)
        elif knee.trial > 0 and (
            elasticity - error > UP or knee.slow_start and elasticity > STEEP or longest and elasticity > LIKELY_UP
        ):
            knee_move(knee, elasticity)
        elif knee.trial < 0 and (elasticity + error < DOWN or longest and elasticity < LIKELY_DOWN):
            knee_move(knee, elasticity)
        elif longest or (elasticity + error < UP if knee.trial > 0 else elasticity - error > DOWN):
            knee_fall_back(knee)
    elif longest:
        knee_fall_back(knee)


cdef void knee_move(Knee *knee, double elasticity) noexcept nogil:
    """The limit that was tried is the base from here on."""
    cdef int trial = knee.trial
    knee.base = knee.limit
    knee.held = knee.tried
    knee.vain = 0
    knee.next = trial
    if trial > 0:
        knee.factor = 2 if elasticity > STEEP else sqrt(2)
    knee_change(knee, knee.base, 0)
    if knee.slow_start:
        knee_try(knee)


cdef void knee_fall_back(Knee *knee) noexcept nogil:
    """The trial was in vain."""
    knee.next = -knee.trial
    knee.factor = sqrt(2)
    knee.slow_start = False
    knee.vain = min(<int>MOST_VAIN, knee.vain + 1)
    knee_change(knee, knee.base, 0)
