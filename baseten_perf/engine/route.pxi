# A route: one endpoint that an operation's requests may go to, and how the route of an attempt is chosen.
#
# An attempt takes a route of the best tier that is not empty: healthy ones not tried yet by this request, healthy ones,
# untried ones, any.  Within the tier a hash of the attempt's sequence_number decides by weight, which spreads requests evenly
# without shared state.  Routes of weight 0 are used only when nothing else is left.  A route whose pace admits nothing now
# is left out; when none is left, the share waits at all of them.

# Owner: reference counted; the Python EndpointState and each route to it hold one reference.
cdef struct Endpoint:
    int refs
    int healthy                     # atomic, as is the next
    int responded                   # in this process

cdef struct Route:
    char *url
    char *proxy                     # "" for none
    bint secure                     # https
    int names                       # hosts that must be looked up for it
    Named named[2]
    double weight
    Endpoint *endpoint
    Pace *pace                      # a reference, as are the next two
    Tally *tally
    Limit *limit                    # or NULL for none

cdef enum:
    # Routes that a request remembers to have tried, or to have been refused a permit for: a bit for each.
    REMEMBERED_ROUTES = 64


cdef void endpoint_drop(Endpoint *endpoint) noexcept nogil:
    if endpoint != NULL and count_down(&endpoint.refs) == 0:
        free(endpoint)


cdef void route_clear(Route *route) noexcept nogil:
    free(route.url)
    free(route.proxy)
    route_forget_hosts(route)
    endpoint_drop(route.endpoint)
    pace_drop(route.pace)
    tally_drop(route.tally)
    limit_drop(route.limit)


cdef unsigned long long splitmix64(unsigned long long sequence_number) noexcept nogil:
    # S. Vigna's mixer: consecutive sequence numbers give independent-looking numbers.
    sequence_number += <unsigned long long>0x9e3779b97f4a7c15
    sequence_number = (sequence_number ^ (sequence_number >> 30)) * <unsigned long long>0xbf58476d1ce4e5b9
    sequence_number = (sequence_number ^ (sequence_number >> 27)) * <unsigned long long>0x94d049bb133111eb
    return sequence_number ^ (sequence_number >> 31)


cdef enum Tier:
    HEALTHY_UNTRIED
    HEALTHY
    UNTRIED
    ANY


cdef inline bint in_set(unsigned long long routes, int number) noexcept nogil:
    return number < REMEMBERED_ROUTES and (routes >> number) & 1


cdef bint route_in_tier(Op *op, int number, Tier tier, unsigned long long tried,
                        unsigned long long closed) noexcept nogil:
    cdef Route *route = &op.plan.routes[number]
    if in_set(closed, number):
        return False
    if (tier == HEALTHY_UNTRIED or tier == UNTRIED) and in_set(tried, number):
        return False
    if tier == HEALTHY_UNTRIED or tier == HEALTHY:
        return count_now(&route.endpoint.healthy)
    return True


cdef int op_member(Op *op, Tier tier, unsigned long long tried, unsigned long long closed, int skipped) noexcept nogil:
    """The number of the tier's route after `skipped` others."""
    cdef int number
    for number in range(op.plan.route_count):
        if route_in_tier(op, number, tier, tried, closed):
            if skipped == 0:
                return number
            skipped -= 1
    return 0


cdef int op_choose_route(Op *op, Py_ssize_t index, unsigned long long tried, unsigned long long closed,
                         unsigned int attempt) noexcept nogil:
    """The number of the route for attempt `attempt` (0 = the first) of a request; -1 when all are closed."""
    cdef int tier, number, members
    cdef int last = 0
    cdef double weights, point
    if op.plan.route_count == 1:
        return -1 if closed else 0
    cdef unsigned long long sequence_number = op.sequence_number
    if not (op.plan.pinned and attempt == 0):
        sequence_number += <unsigned long long>index
    if attempt > 0:
        sequence_number = splitmix64(sequence_number) + attempt
    point = (splitmix64(sequence_number) >> 11) * (1.0 / 9007199254740992.0)
    for tier in range(<int>ANY + 1):
        weights = 0
        members = 0
        for number in range(op.plan.route_count):
            if route_in_tier(op, number, <Tier>tier, tried, closed):
                members += 1
                weights += op.plan.routes[number].weight
                if op.plan.routes[number].weight > 0:
                    last = number
        if members == 0:
            continue
        if weights == 0:
            return op_member(
                op, <Tier>tier, tried, closed, <int>(splitmix64(sequence_number) % <unsigned long long>members))
        point *= weights
        for number in range(op.plan.route_count):
            if route_in_tier(op, number, <Tier>tier, tried, closed):
                point -= op.plan.routes[number].weight
                if point < 0:
                    return number
        return last
    return -1


cdef int op_take_permit(Op *op, Request *request, Share *share, double now, bint last_chance, Permit *permit,
                        double *look_again) noexcept nogil:
    """The route of the next attempt of a request, with a permit for it; -1 when the share waits.

    `share` is NULL for an attempt that does not wait.  `look_again` is brought forward to the earliest instant at which the
    share must ask again.
    """
    cdef Limit *limit = op.plan.limit
    cdef int route
    cdef bint had_turn = limit != NULL and share != NULL and share_waits_at_routes(share)
    if limit != NULL and not limit_take(
        limit, &share.held if share != NULL else NULL, had_turn, request.cost, now, look_again
    ):
        return -1
    route = op_take_route(op, request, share, now, last_chance, permit, look_again)
    if not op.plan.limited:
        return route
    if route >= 0:
        pace_tries(permit.pace, now)
        if share != NULL:
            share_leave_queues(share, False)    # for its next request it has had no turn
    elif limit != NULL:
        limit_give_back(limit, request.cost)
        if share != NULL:
            turns_leave(&share.held)    # it waits at the routes now
    return route


cdef int op_take_route(Op *op, Request *request, Share *share, double now, bint last_chance, Permit *permit,
                       double *look_again) noexcept nogil:
    """The same without the client's limit."""
    cdef unsigned long long closed = 0
    cdef int route
    while True:
        route = op_choose_route(op, request.index, request.tried, closed, request.attempts)
        if route < 0 or route_take(op, request, share, route, now, last_chance, permit, look_again):
            return route
        if route >= REMEMBERED_ROUTES:
            break
        closed |= <unsigned long long>1 << route
    # Among the routes that no bit stands for: the first that admits it.
    for route in range(REMEMBERED_ROUTES, op.plan.route_count):
        if route_take(op, request, share, route, now, last_chance, permit, look_again):
            return route
    return -1


cdef inline bint route_take(Op *op, Request *request, Share *share, int number, double now, bint last_chance,
                            Permit *permit, double *look_again) noexcept nogil:
    """Take a permit of the route's pace and the cost from its endpoint's limit; or neither, and wait at one of them."""
    cdef Route *route = &op.plan.routes[number]
    cdef Waiter *waiter = &share.waiters[number] if share != NULL else NULL
    cdef bint had_turn = waiter != NULL and waiter.waiting and waiter.turns == &route.pace.turns
    if route.limit != NULL and not limit_take(route.limit, waiter, had_turn, request.cost, now, look_again):
        return False
    if pace_take(route.pace, waiter, request_tokens(request), now, last_chance, permit, look_again):
        return True
    if route.limit != NULL:
        limit_give_back(route.limit, request.cost)
    return False


cdef void op_give_back(Op *op, Request *request, int route) noexcept nogil:
    """What the limits have given for an attempt that was never sent."""
    if op.plan.limit != NULL:
        limit_give_back(op.plan.limit, request.cost)
    if op.plan.routes[route].limit != NULL:
        limit_give_back(op.plan.routes[route].limit, request.cost)


cdef double op_patience_ends(Op *op) noexcept nogil:
    """The instant from which on a refusal is final: patience runs from the last success, or the start of the call; and where
    limits hold attempts back, from the first attempt after it."""
    cdef double since = op.begun
    cdef int number
    for number in range(op.plan.route_count):
        since = max(since, instant_now(&op.plan.routes[number].pace.good))
        if op.plan.limited:
            since = max(since, instant_now(&op.plan.routes[number].pace.tried))
    return since + op.plan.patience * 1e-9


cdef bint op_stays_closed(Op *op, double until) noexcept nogil:
    """Whether the gates of all routes are closed at least until then."""
    cdef int number
    for number in range(op.plan.route_count):
        if not pace_stays_closed(op.plan.routes[number].pace, until):
            return False
    return True


cdef class EndpointState:
    """What the engine knows of one endpoint: whether it is healthy."""

    cdef Endpoint *endpoint

    def __cinit__(self):
        self.endpoint = <Endpoint *>calloc(1, sizeof(Endpoint))
        if self.endpoint == NULL:
            raise MemoryError
        self.endpoint.refs = 1
        self.endpoint.healthy = 1

    @property
    def healthy(self) -> bool:
        return count_now(&self.endpoint.healthy) != 0

    @healthy.setter
    def healthy(self, bint value):
        count_set(&self.endpoint.healthy, value)

    def __dealloc__(self):
        endpoint_drop(self.endpoint)
