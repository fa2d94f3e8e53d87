# Limits without sockets and clocks: shares of operations take permits, at instants that the caller makes up.  For tests.

cdef struct PlayedPermit:
    Permit permit
    int share
    int route
    double cost


cdef class LimitDriver:
    """Drives the limits and paces of endpoints, and shares of operations that ask them.

    Parameters:
        limit: of all shares, as of one client, or None.
        route_limits: of each endpoint, or None; there are as many endpoints.
        shares: for each share the numbers of the endpoints that its requests may go to.
    """

    cdef list paces
    cdef list limits                # kept alive
    cdef list shares
    cdef Op **ops                   # of each share
    cdef int count
    cdef dict permits               # number -> bytes of the PlayedPermit
    cdef long long given

    def __init__(self, LimitState limit, list route_limits not None, list shares not None):
        if self.ops != NULL:
            raise RuntimeError("a driver is made once")
        self.ops = <Op **>calloc(len(shares), sizeof(Op *))
        if self.ops == NULL:
            raise MemoryError
        self.paces = [PaceState() for _ in route_limits]
        self.limits = [limit, *route_limits]
        self.shares = shares
        self.permits = {}
        for routes in shares:
            self.ops[self.count] = self.new_op(limit, route_limits, routes)
            self.count += 1

    cdef Op *new_op(self, LimitState limit, list route_limits, list routes) except NULL:
        cdef Plan *plan = <Plan *>calloc(1, sizeof(Plan))
        cdef Op *op = op_new(1, 1)
        cdef Route *route
        cdef PaceState pace
        cdef LimitState each
        if plan == NULL or op == NULL:
            raise MemoryError
        plan.refs = 1
        op.plan = plan
        plan.routes = <Route *>calloc(len(routes), sizeof(Route))
        if plan.routes == NULL:
            raise MemoryError
        plan.limited = True
        if limit is not None:
            plan.limit = limit.limit
            count_up(&plan.limit.refs)
        for number in routes:
            route = &plan.routes[plan.route_count]
            plan.route_count += 1
            route.weight = 1
            route.endpoint = <Endpoint *>calloc(1, sizeof(Endpoint))
            if route.endpoint == NULL:
                raise MemoryError
            route.endpoint.refs = route.endpoint.healthy = 1
            pace = self.paces[number]
            route.pace = pace.pace
            count_up(&route.pace.refs)
            each = route_limits[number]
            if each is not None:
                route.limit = each.limit
                count_up(&route.limit.refs)
        if not op_make_shares(op, 1):
            raise MemoryError
        return op

    def take(self, int share, double cost, double now, bint hedge=False):
        """A permit's number and the endpoint; or None, None: the share stands in the queues; and when to look again."""
        cdef Op *op = self.ops[share]
        cdef PlayedPermit played
        cdef double look_again = INFINITY_S
        op.requests[0].cost = cost
        op.requests[0].attempts = self.given & 7    # so that all routes have their turn
        played.share = share
        played.cost = cost
        cdef Share *asks = NULL
        if not hedge:
            asks = op.shares
        played.route = op_take_permit(op, &op.requests[0], asks, now, False, &played.permit, &look_again)
        if played.route < 0:
            if not hedge:
                share_leave_queues(op.shares, True)
            return None, None, look_again
        self.given += 1
        self.permits[self.given] = (<char *>&played)[:sizeof(PlayedPermit)]
        return self.given, self.shares[share][played.route], look_again

    def end(self, long long number, int signal, double retry_after, double now) -> int:
        """Give a permit back; the share whose it was."""
        cdef PlayedPermit played
        cdef bytes kept = self.permits.pop(number)
        memcpy(&played, PyBytes_AS_STRING(kept), sizeof(PlayedPermit))
        cdef Op *op = self.ops[played.share]
        permit_return(&played.permit, <Signal>signal, retry_after, now)
        if signal == SIGNAL_UNSENT:
            op.requests[0].cost = played.cost
            op_give_back(op, &op.requests[0], played.route)
        return played.share

    def leave(self, int share) -> None:
        """The share has nothing to start."""
        share_leave_queues(self.ops[share].shares, False)

    def settle(self, int place, double estimated, double actual, double now) -> None:
        """The answer to a request tells its cost: 0 is the limit of all, 1 that of the first endpoint."""
        cdef LimitState state = self.limits[place]
        limit_settle(state.limit, estimated, actual, now)

    def next(self, int share, double now) -> list:
        """The shares that this one, which has just asked or ended something, has to wake."""
        cdef Plan *plan = self.ops[share].plan
        cdef int i
        woken = []
        for i in range(plan.route_count):
            self.add(woken, pace_next(plan.routes[i].pace, now))
            if plan.routes[i].limit != NULL:
                self.add(woken, limit_next(plan.routes[i].limit, now))
        if plan.limit != NULL:
            self.add(woken, limit_next(plan.limit, now))
        return woken

    cdef int add(self, list woken, Waiter *waiter) except -1:
        cdef int share
        if waiter != NULL:
            count_down(waiter.refs)
            for share in range(self.count):
                if self.ops[share].shares == <Share *>waiter.share:
                    woken.append(share)
        return 0

    def waiting(self) -> list:
        """Of each place where shares wait (the limit of all, the endpoints' limits, the paces) those that do, in order."""
        cdef LimitState limit
        cdef PaceState pace
        places = []
        for limit in self.limits:
            places.append([] if limit is None else self.queued(&limit.limit.turns))
        for pace in self.paces:
            places.append(self.queued(&pace.pace.turns))
        return places

    cdef list queued(self, Turns *turns):
        cdef Waiter *waiter = turns.queue.first
        cdef int share
        found = []
        while waiter != NULL:
            for share in range(self.count):
                if self.ops[share].shares == <Share *>waiter.share:
                    found.append(share)
            waiter = waiter.next
        return found

    @property
    def flying(self) -> int:
        cdef PaceState pace
        cdef int flying = 0
        for pace in self.paces:
            flying += count_now(&pace.pace.flying)
        return flying

    def __dealloc__(self):
        cdef int share
        for share in range(self.count):
            share_leave_queues(self.ops[share].shares, False)
            op_drop(self.ops[share])
        free(self.ops)
