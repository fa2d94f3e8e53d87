# A route: one endpoint that an operation's requests may go to, and how the route of an attempt is chosen.
#
# An attempt takes a route of the best tier that is not empty: healthy ones not tried yet by this request, healthy ones,
# untried ones, any.  Within the tier a hash of the attempt's ticket decides by weight, which spreads requests evenly
# without shared state.  Routes of weight 0 are used only when nothing else is left.

cdef enum:
    # Retry attempts that may run at the same time against one endpoint: it may be in trouble already.
    MOST_RETRIES = 64

# Owner: reference counted; the Python EndpointState and each route to it hold one reference.
cdef struct Endpoint:
    int refs
    int healthy                     # atomic
    int generation                  # of the process that the next two belong to
    int retries                     # running; guarded by retries_monitor
    Lane *registered                # FIFO of lanes that wait for one of them to end; guarded by retries_monitor
    Lane *registered_last

cdef struct Route:
    char *url
    char *proxy                     # "" for none
    bint secure                     # https
    double weight
    Endpoint *endpoint

cdef Monitor *retries_monitor = new Monitor()


cdef void endpoint_drop(Endpoint *endpoint) noexcept nogil:
    if endpoint != NULL and count_down(&endpoint.refs) == 0:
        free(endpoint)


cdef void route_clear(Route *route) noexcept nogil:
    free(route.url)
    free(route.proxy)
    endpoint_drop(route.endpoint)


cdef bint endpoint_admits_retry(Endpoint *endpoint, Lane *lane) noexcept nogil:
    """Take a place among the endpoint's running retries; if there is none, the lane is woken when one gets free."""
    retries_monitor.lock()
    if endpoint.generation != fork_generation:
        # What ran in the parent process does not run here.
        endpoint.generation = fork_generation
        endpoint.retries = 0
        endpoint.registered = NULL
    cdef bint admitted = endpoint.retries < MOST_RETRIES
    if admitted:
        endpoint.retries += 1
    elif not lane.registered:
        lane.registered = True
        lane.next_registered = NULL
        count_up(&lane.op.refs)
        if endpoint.registered == NULL:
            endpoint.registered = lane
        else:
            endpoint.registered_last.next_registered = lane
        endpoint.registered_last = lane
    retries_monitor.unlock()
    return admitted


cdef void endpoint_retry_ended(Endpoint *endpoint) noexcept nogil:
    cdef Lane *lane
    cdef bint woken = False
    cdef int ended = 1
    while not woken:
        retries_monitor.lock()
        endpoint.retries -= ended
        ended = 0
        lane = endpoint.registered
        if lane != NULL:
            endpoint.registered = lane.next_registered
            lane.registered = False
        retries_monitor.unlock()
        if lane == NULL:
            return
        # A lane that has let go of its operation meanwhile needs no place: the next one may have it.
        woken = loop_enqueue(lane.loop, lane)
        op_drop(lane.op)


cdef unsigned long long splitmix64(unsigned long long ticket) noexcept nogil:
    # S. Vigna's mixer: consecutive tickets give independent-looking numbers.
    ticket += <unsigned long long>0x9e3779b97f4a7c15
    ticket = (ticket ^ (ticket >> 30)) * <unsigned long long>0xbf58476d1ce4e5b9
    ticket = (ticket ^ (ticket >> 27)) * <unsigned long long>0x94d049bb133111eb
    return ticket ^ (ticket >> 31)


cdef enum Tier:
    HEALTHY_UNTRIED
    HEALTHY
    UNTRIED
    ANY


cdef bint route_in_tier(Op *op, int number, Tier tier, unsigned long long tried) noexcept nogil:
    cdef Route *route = &op.plan.routes[number]
    if tier == HEALTHY_UNTRIED or tier == UNTRIED:
        if number < 64 and (tried >> number) & 1:
            return False
    if tier == HEALTHY_UNTRIED or tier == HEALTHY:
        if not count_now(&route.endpoint.healthy):
            return False
    return True


cdef int op_member(Op *op, Tier tier, unsigned long long tried, int skipped) noexcept nogil:
    """The number of the tier's route after `skipped` others."""
    cdef int number
    for number in range(op.plan.route_count):
        if route_in_tier(op, number, tier, tried):
            if skipped == 0:
                return number
            skipped -= 1
    return 0


cdef int op_choose_route(Op *op, Py_ssize_t index, unsigned long long tried, int attempt) noexcept nogil:
    """The number of the route for attempt `attempt` (0 = the first) of a request."""
    cdef int tier, number, members
    cdef int last = 0
    cdef double weights, point
    if op.plan.route_count == 1:
        return 0
    cdef unsigned long long ticket = op.ticket
    if not (op.plan.pinned and attempt == 0):
        ticket += <unsigned long long>index
    if attempt > 0:
        ticket = splitmix64(ticket) + attempt
    point = (splitmix64(ticket) >> 11) * (1.0 / 9007199254740992.0)
    for tier in range(<int>ANY + 1):
        weights = 0
        members = 0
        for number in range(op.plan.route_count):
            if route_in_tier(op, number, <Tier>tier, tried):
                members += 1
                weights += op.plan.routes[number].weight
                if op.plan.routes[number].weight > 0:
                    last = number
        if members == 0:
            continue
        if weights == 0:
            return op_member(op, <Tier>tier, tried, <int>(splitmix64(ticket) % <unsigned long long>members))
        point *= weights
        for number in range(op.plan.route_count):
            if route_in_tier(op, number, <Tier>tier, tried):
                point -= op.plan.routes[number].weight
                if point < 0:
                    return number
        return last
    return 0


cdef class EndpointState:
    """What the engine knows of one endpoint: whether it is healthy, and how many retries run against it."""

    cdef Endpoint *endpoint

    def __cinit__(self):
        self.endpoint = <Endpoint *>calloc(1, sizeof(Endpoint))
        if self.endpoint == NULL:
            raise MemoryError
        self.endpoint.refs = 1
        self.endpoint.healthy = 1
        self.endpoint.generation = fork_generation

    @property
    def healthy(self) -> bool:
        return count_now(&self.endpoint.healthy) != 0

    @healthy.setter
    def healthy(self, bint value):
        count_set(&self.endpoint.healthy, value)

    def __dealloc__(self):
        endpoint_drop(self.endpoint)
