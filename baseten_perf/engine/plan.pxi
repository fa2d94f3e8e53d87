# A plan: what all requests of operations of one kind have in common: routes, header lines, limits.
#
# Owner: reference counted; the Python RequestPlan and each operation that follows it hold one reference.  Constant once
# made, so that any thread reads it without a lock.  A transfer remembers the plan that its easy handle is set up for: many
# small operations that follow one plan set nothing up anew.

cdef struct Plan:
    int refs
    unsigned long long serial       # never reused: transfers remember which plan they are set up for
    Route *routes
    int route_count
    Limit *limit                    # of the client, a reference; NULL for none
    bint limited                    # it has one, or a route has
    Core *core                      # whose hosts the routes name; of this process, see names.pxi
    bint pinned                     # first attempts all go the way of the first
    char *method                    # NULL for POST
    bint bodyless
    bint head
    bint follows                    # redirects; else they are responses like others
    char **lines                    # header lines that libcurl knows
    int line_count
    char *joined                    # the others, with "\r\n" between them
    size_t joined_size
    char *request_id_prefix         # NULL: the caller has a header of their own
    bint deadline_header
    int concurrency
    bint adaptive                   # as many at once as the knee of each pace allows, up to that
    long timeout_ms
    long connect_timeout_ms
    double total_timeout_s          # 0 for none
    int max_retries
    long long backoff_ms
    double retry_share              # budget: share of an operation's requests
    long long patience              # nanoseconds without a success after which a refusal is final; 0 waits for none
    size_t most_response_bytes      # of a response's decoded body
    bint timings                    # of each request
    long long hedge_delay           # nanoseconds; 0 for no hedging
    double hedge_share
    unsigned char final_status[1000]    # 1 = this status is not retried

cdef unsigned long long plans_made = 0

# What headers begin with that libcurl neither looks for nor would send by itself.  "user-agent" is one of them as long as
# CURLOPT_USERAGENT is not set; at start-up "accept-encoding" becomes one where CURLOPT_ACCEPT_ENCODING is not set.
UNKNOWN_TO_LIBCURL = (b"user-agent:", b"request-timeout-ms:", b"traceparent:", b"tracestate:", b"x-")

cdef enum:
    REQUEST_ID_DIGITS = 11          # of an operation, with the hyphen before them


cdef void plan_drop(Plan *plan) noexcept nogil:
    cdef int i
    if plan == NULL or count_down(&plan.refs) > 0:
        return
    for i in range(plan.line_count):
        free(plan.lines[i])
    free(plan.lines)
    free(plan.joined)
    for i in range(plan.route_count):
        route_clear(&plan.routes[i])
    free(plan.routes)
    limit_drop(plan.limit)
    free(plan.method)
    free(plan.request_id_prefix)
    free(plan)


cdef int plan_concurrency(Plan *plan) noexcept nogil:
    """How many attempts may be in flight now."""
    cdef int i
    cdef int limit = 0
    if not plan.adaptive:
        return plan.concurrency
    for i in range(plan.route_count):
        limit += count_now(&plan.routes[i].pace.knee.limit)
    return min(limit, plan.concurrency)


cdef int budget_of(double share, Py_ssize_t requests) noexcept nogil:
    """Retries or hedges that an operation may spend: a share of its requests, but never less than two."""
    return max(2, 1 + <int>ceil(share * requests))


cdef class RequestPlan:
    """What all requests of operations of one kind have in common.

    Parameters:
        engine: where they run.
        routes: where requests may go: (absolute http or https URL in ASCII, URL of the proxy or empty, EndpointState,
            weight), at least one.
        pinned: whether the first attempts of all requests of an operation take the same route.
        method: HTTP method; HEAD has no answer body, and a bodyless request sends none.
        bodyless: whether requests carry no body.
        follow_redirects: False for responses 3xx as they come.
        lines: constant header lines, without line ends.
        request_id_prefix: what x-baseten-customer-request-id begins with; None to send none.
        deadline_header: whether request-deadline-ms is sent.
        concurrency: most attempts of an operation in flight.
        adaptive: whether there are no more of them than raise the throughput, as far as each route's pace knows.
        timeout_s, connect_timeout_s: seconds per attempt.
        total_timeout_s: seconds for a whole operation, or None.
        max_retries: most retries of a request.
        initial_backoff_ms: milliseconds before the first retry.
        retry_share: of an operation's requests, those that it may spend retries on for time-outs and repeated network
            failures.
        patience_s: seconds without any success on an endpoint after which a refused request fails; 0 to wait for none.
        max_response_bytes: most bytes of a response's body, decoded.
        timings: whether completions tell where the time of their requests went.
        paces: the PaceState of each route; None for paces of this plan's own.
        tallies: the EndpointTally of each route; None for tallies of this plan's own.
        limit: of all routes together, or None.
        route_limits: the LimitState of each route, None where it has none; None for none at all.
        hedge_delay_s: seconds without any header after which a copy of the request is sent, or None.
        hedge_share: of an operation's requests, those that may be copied; 0 for none.
        final_statuses: HTTP statuses that are never retried.
    """

    cdef Plan *plan
    cdef Engine engine              # None when it was released
    cdef list urls                  # of the routes

    def __init__(self, Engine engine not None, *, list routes not None, bint pinned=False, str method not None="POST",
                 bint bodyless=False, bint follow_redirects=True, list lines not None=[], bytes request_id_prefix=None,
                 bint deadline_header=False, int concurrency=1, double timeout_s=3600.0, double connect_timeout_s=60.0, total_timeout_s=None,
                 int max_retries=0, long initial_backoff_ms=125, double retry_share=0.0, hedge_delay_s=None,
                 double hedge_share=0.0, final_statuses=(), double patience_s=120.0,
                 size_t max_response_bytes=268435456, bint timings=False, list paces=None, list tallies=None,
                 LimitState limit=None, list route_limits=None, bint adaptive=False):
        global plans_made
        if concurrency < 1:
            raise ValueError("an operation needs at least one slot")
        if self.plan != NULL:
            raise RuntimeError("a plan is made once")
        self.plan = <Plan *>calloc(1, sizeof(Plan))
        if self.plan == NULL:
            raise MemoryError
        cdef Plan *plan = self.plan
        plans_made += 1
        plan.serial = plans_made
        plan.refs = 1
        self.engine = engine
        self.urls = [route[0] for route in routes]
        self.take_routes(routes, [PaceState() for _ in routes] if paces is None else paces,
                         [EndpointTally() for _ in routes] if tallies is None else tallies)
        self.take_limits(limit, [] if route_limits is None else route_limits)
        self.take_lines(lines)
        plan.pinned = pinned
        if method != "POST":
            plan.method = copy_text(method.encode())
        plan.head = method == "HEAD"
        plan.bodyless = bodyless
        plan.follows = follow_redirects
        if request_id_prefix is not None:
            plan.request_id_prefix = copy_text(request_id_prefix)
        plan.deadline_header = deadline_header
        plan.concurrency = concurrency
        plan.adaptive = adaptive
        plan.timeout_ms = <long>max(1, timeout_s * 1000)
        plan.connect_timeout_ms = <long>max(1, connect_timeout_s * 1000)
        if total_timeout_s is not None:
            plan.total_timeout_s = total_timeout_s
        plan.max_retries = max_retries
        plan.backoff_ms = initial_backoff_ms
        plan.retry_share = retry_share
        plan.patience = <long long>(patience_s * 1e9)
        plan.most_response_bytes = max_response_bytes
        plan.timings = timings
        if hedge_delay_s is not None and hedge_share > 0:
            plan.hedge_delay = <long long>(<double>hedge_delay_s * 1e9)
        plan.hedge_share = hedge_share
        for status in final_statuses:
            if 0 <= status < 1000:
                plan.final_status[<int>status] = 1

    cdef int take_routes(self, list routes, list paces, list tallies) except -1:
        cdef EndpointState state
        cdef PaceState pace
        cdef EndpointTally tally
        cdef Route *route
        if not routes:
            raise ValueError("an operation needs at least one route")
        self.plan.routes = <Route *>calloc(len(routes), sizeof(Route))
        if self.plan.routes == NULL:
            raise MemoryError
        for (url, proxy, state, weight), pace, tally in zip(routes, paces, tallies, strict=True):
            route = &self.plan.routes[self.plan.route_count]
            self.plan.route_count += 1
            route.url = copy_text(url)
            route.proxy = copy_text(proxy)
            route.secure = url.startswith(b"https:")
            route.weight = weight
            route.endpoint = state.endpoint
            count_up(&state.endpoint.refs)
            route.pace = pace.pace
            count_up(&pace.pace.refs)
            route.tally = tally.tally
            count_up(&tally.tally.refs)
        return 0

    cdef int take_limits(self, LimitState limit, list route_limits) except -1:
        cdef LimitState each
        cdef int number
        if limit is not None:
            self.plan.limit = limit.limit
            self.plan.limited = True
            count_up(&limit.limit.refs)
        for number, each in enumerate(route_limits):
            if each is not None:
                self.plan.routes[number].limit = each.limit
                self.plan.limited = True
                count_up(&each.limit.refs)
        return 0

    cdef int take_lines(self, list lines) except -1:
        cdef list joined = []
        if codings_are_ours and not any(line.startswith((b"accept-encoding:", b"accept-encoding;")) for line in lines):
            joined.append(accept_encoding)
        self.plan.lines = <char **>calloc(len(lines) + 1, sizeof(char *))
        if self.plan.lines == NULL:
            raise MemoryError
        for line in lines:
            # Without a colon it is an empty header, in the way in which libcurl wants them written.
            if line.startswith(UNKNOWN_TO_LIBCURL) and b":" in line:
                joined.append(line)
                continue
            # libcurl sends one of its own unless an entry begins with this name, so it leads the joined ones.
            if line.startswith(b"accept:"):
                joined.insert(0, line)
                continue
            self.plan.lines[self.plan.line_count] = copy_text(line)
            self.plan.line_count += 1
        text = b"\r\n".join(joined)
        self.plan.joined = copy_text(text)
        self.plan.joined_size = len(text)
        return 0

    @property
    def adaptive(self) -> bool:
        return self.plan.adaptive

    @property
    def concurrency(self) -> int:
        """How many attempts of an operation may be in flight now."""
        return plan_concurrency(self.plan)

    def release(self) -> None:
        """Let go of the engine: no operation can be started any more.  Those that there are must have been cancelled.

        Whoever keeps one of them, perhaps in an exception's traceback, then keeps no connections.
        """
        self.engine = None

    def __dealloc__(self):
        plan_drop(self.plan)
