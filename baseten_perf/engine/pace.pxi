# A pace: how one endpoint takes the requests of one quota, and the shares of operations that wait for it.
#
# Until the first refusal a pace only counts.  From then on a request starts when it has a permit: the gate is open
# (gate.pxi), the rate allows it (rate.pxi) and no cap is reached (cap.pxi).  Permits are given in permits.pxi.
#
# Owner: reference counted; the Python Pace and each route hold one reference.  `limited`, `told`, `flying`, `started`,
# `not_accepted`, `epoch`, `good`, `tried`, `cycle` and `idle_since` are atomic, so that a healthy endpoint costs no lock; the
# monitor of `turns` guards all else.
# Instants are seconds of the monotonic clock.

cdef extern from * nogil:
    """
    static inline double instant_now(double *instant) {
        double seconds;
        __atomic_load(instant, &seconds, __ATOMIC_RELAXED);
        return seconds;
    }
    static inline void instant_set(double *instant, double seconds) {
        __atomic_store(instant, &seconds, __ATOMIC_RELAXED);
    }
    static inline long long total_up(long long *total) { return __atomic_add_fetch(total, 1, __ATOMIC_RELAXED); }
    static inline void total_set(long long *total, long long value) { __atomic_store_n(total, value, __ATOMIC_RELAXED); }
    static inline long long total_now(long long *total) { return __atomic_load_n(total, __ATOMIC_RELAXED); }
    """
    double instant_now(double *instant)
    void instant_set(double *instant, double seconds)
    long long total_up(long long *total)
    void total_set(long long *total, long long value)
    long long total_now(long long *total)

cdef double INFINITY_S = 1e300

cdef enum GateState:
    GATE_OPEN
    GATE_CLOSED
    GATE_PROBE                      # closed, and one request tries whether it may open

cdef enum PaceKind:
    PACE_UNKNOWN
    PACE_RATE                       # the server refuses what comes too fast
    PACE_CAP                        # it refuses what comes while too many are in flight
    PACE_CHANCE                     # it refuses some, whatever comes: to be slower does not help

cdef struct Pace:
    int refs
    int limited                     # since a refusal
    int told                        # since the headers of a response: see told.pxi
    int flying
    long long started               # permits ever given
    int epoch                       # counts openings
    double good                     # the last success; 0: the endpoint has never answered
    double tried                    # the first start after it, where limits may have held back the next
    double cycle                    # when the cycle began: from one opening to the next; 0 before the first start
    double idle_since               # when the last one in flight ended
    Turns turns
    Knee knee
    Bucket told_requests
    Bucket told_tokens
    # the gate
    GateState state
    bint reported                   # Retry-After was given when it closed
    bint soft                       # a status without Retry-After closed it
    bint lost                       # attempts without an answer did
    bint explicit                   # only a success opens it
    bint early                      # one may try before Retry-After is over, since a place may be free;
    bint tried_early                # once per closure
    bint was_early                  # the probe was such a one
    int connects                    # failed connections to an endpoint that never answered
    double until
    double closed_at
    double probe_at
    double closure                  # how long the last one was
    double usual                    # mean closure without Retry-After
    double trip                     # mean round trip of a refusal
    double given_up_at              # since the endpoint has never answered
    double lost_after               # the last success before the last
    int losses                      # one after the other
    double refused_at               # the last refusal
    long long window                # number of the start from which `failures` are counted
    int failures
    # the cycle
    long long not_accepted          # `started` less this is how many the server accepted in the cycle
    long long not_counted           # and how many were started since the opening
    double opened_at
    double span
    double scale
    double mean_closure
    double length                   # mean number of requests that the server accepts in a cycle,
    double spread                   # and its variance
    # chance
    double best                     # the highest rate that it bore for a cycle
    int futile                      # refusals one after the other at a rate that was borne before, and
    int enough                      # so many begin a trial of higher rates:
    double trial                    # the rate at which it began; 0: there is none
    double level                    # the rate that is tried now
    double level_length             # mean length of a cycle at the first level
    double level_before             # requests a second that were accepted at the level before
    int level_cycles                # at this one: how many cycles,
    double level_accepted           # requests that were accepted,
    double level_s                  # seconds,
    long long level_from            # and the number of the first start
    double share                    # of the requests that a server refuses by chance, at most
    # the rate
    PaceKind kind
    double low
    double wide
    double rate                     # INFINITY_S for none
    double tokens
    double refilled_at
    double bank                     # what a long closure has saved up
    double batch
    double batch_at
    # the cap
    double cap
    double cap_seen
    double took                     # mean latency
    double last_start
    double extra_at
    int extra
    int agree
    int need
    int strange
    int probe_flying
    int least_flying
    int left
    int most_flying
    bint by_early
    bint sure
    bint judged

# What an attempt was given; it owns its place among `flying` until pace_end.
cdef struct Permit:
    Pace *pace                      # NULL once it is given back
    bint probe
    bint responded                  # the endpoint has, on whatever path
    double begun                    # the call, where that matters
    bint last_chance                # a refusal ends its operation
    int flying                      # others in flight when it started
    int epoch
    long long number                # of the start, among all of the pace
    double started
    Place place                     # below the knee


cdef void pace_forget(Pace *pace, double now) noexcept nogil:
    """Back to counting only, with the monitor held; what is in flight and who waits stay."""
    pace.state = GATE_OPEN
    pace.kind = PACE_UNKNOWN
    pace.connects = pace.failures = pace.futile = 0
    pace.enough = FUTILE
    pace.best = pace.trial = 0
    pace.window = total_now(&pace.started)
    pace.not_counted = total_now(&pace.started)
    total_set(&pace.not_accepted, total_now(&pace.started))
    pace.trip = 0.001
    pace.usual = pace.took = pace.low = pace.wide = pace.tokens = pace.bank = pace.length = pace.spread = pace.mean_closure = 0
    pace.scale = FIRST_SCALE / 2
    pace.rate = pace.cap = INFINITY_S
    pace.cap_seen = -1
    pace.need = AGREE
    pace.agree = pace.strange = pace.extra = 0
    pace.probe_flying = -1
    pace.least_flying = pace.left = pace.most_flying = 0
    pace.sure = pace.judged = pace.by_early = False
    instant_set(&pace.cycle, now)
    count_set(&pace.limited, 0)


cdef Pace *pace_new() noexcept nogil:
    cdef Pace *pace = <Pace *>calloc(1, sizeof(Pace))
    if pace == NULL:
        return NULL
    pace.refs = 1
    knee_init(&pace.knee)
    turns_open(&pace.turns, pace)
    pace_forget(pace, 0)
    return pace


cdef void pace_drop(Pace *pace) noexcept nogil:
    if pace != NULL and count_down(&pace.refs) == 0:
        turns_close(&pace.turns)
        free(pace)


cdef void pace_after_fork(Pace *pace) noexcept nogil:
    """In a forked child nothing is in flight; what was learned stays."""
    pace.flying = pace.knee.flying = 0
    pace.idle_since = seconds_now()
    if pace.state == GATE_PROBE:
        pace.state = GATE_CLOSED


cdef inline double seconds_now() noexcept nogil:
    return monotonic_ns() * 1e-9


cdef class PaceState:
    """What the engine knows of how an endpoint takes the requests of one quota."""

    cdef Pace *pace

    def __cinit__(self):
        self.pace = pace_new()
        if self.pace == NULL:
            raise MemoryError

    def __dealloc__(self):
        pace_drop(self.pace)
