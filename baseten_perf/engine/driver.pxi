# A pace without sockets and clocks: steps in, events out.  For tests of permits, which play operations and servers.

cdef struct PlayedShare:
    Waiter waiter
    int refs

cdef enum:
    MOST_PLAYED = 4096


cdef class PaceDriver:
    """Drives one pace: shares ask for permits and give them back, at instants that the caller makes up.

    Parameters:
        shares: how many there are, numbered from 0.
        adaptive: the first so many of them go by the knee.
    """

    cdef Pace *pace
    cdef PlayedShare *shares
    cdef int count
    cdef dict permits               # number -> bytes of the Permit
    cdef long long given

    def __init__(self, int shares, int adaptive=0):
        cdef int i
        if self.pace != NULL:
            raise RuntimeError("a driver is made once")
        if not 1 <= shares <= MOST_PLAYED:
            raise ValueError(f"shares must be between 1 and {MOST_PLAYED}, not {shares}")
        self.pace = pace_new()
        self.shares = <PlayedShare *>calloc(shares, sizeof(PlayedShare))
        if self.pace == NULL or self.shares == NULL:
            raise MemoryError
        self.count = shares
        self.permits = {}
        for i in range(shares):
            self.shares[i].refs = 1
            self.shares[i].waiter.refs = &self.shares[i].refs
            self.shares[i].waiter.share = &self.shares[i]
            self.shares[i].waiter.adaptive = i < adaptive

    def take(self, int share, double now, bint last_chance=False, double cost=0):
        """A permit's number; or None: the share stands in the FIFO, and looks again at `look_again` or when woken."""
        cdef Permit permit
        cdef double look_again = INFINITY_S
        cdef Waiter *waiter = &self.shares[share].waiter if share >= 0 else NULL
        if not pace_take(self.pace, waiter, cost, now, last_chance, &permit, &look_again):
            return None, look_again
        self.given += 1
        self.permits[self.given] = (<char *>&permit)[:sizeof(Permit)]
        return self.given, look_again

    def end(self, long long number, int signal, double retry_after, double now) -> int:
        """Give a permit back; the Advice for its request."""
        cdef Permit permit
        cdef bytes kept = self.permits.pop(number)
        memcpy(&permit, PyBytes_AS_STRING(kept), sizeof(Permit))
        return permit_return(&permit, <Signal>signal, retry_after, now)

    def leave(self, int share) -> None:
        """The share has nothing to start."""
        turns_leave(&self.shares[share].waiter)

    def learn(self, list lines, double cost, double unix_now, double now) -> None:
        """Take in the header lines of the response to one of those that are in flight."""
        cdef RateLimits limits
        cdef bytes line
        limits.start(unix_now)
        for line in lines:
            limits.read(line, len(line))
        limits.finish()
        pace_learn(self.pace, limits.requests, limits.tokens, cost, now)

    def next(self, double now) -> "int | None":
        """The share to be woken now."""
        cdef Waiter *waiter = pace_next(self.pace, now)
        if waiter == NULL:
            return None
        count_down(waiter.refs)
        return <PlayedShare *>waiter.share - self.shares

    @property
    def limited(self) -> bool:
        return count_now(&self.pace.limited) != 0

    @property
    def flying(self) -> int:
        return count_now(&self.pace.flying)

    @property
    def limit(self) -> int:
        """How many of those that go by the knee may be in flight."""
        return count_now(&self.pace.knee.limit)

    @property
    def good(self) -> float:
        """Instant of the last success; 0.0 before the first."""
        return instant_now(&self.pace.good)

    def waiting(self) -> list:
        """The shares in the FIFO, the head first."""
        cdef Waiter *waiter
        found = []
        self.pace.turns.monitor.lock()
        waiter = self.pace.turns.queue.first
        while waiter != NULL:
            found.append(<PlayedShare *>waiter.share - self.shares)
            waiter = waiter.next
        self.pace.turns.monitor.unlock()
        return found

    def __dealloc__(self):
        pace_drop(self.pace)
        free(self.shares)
