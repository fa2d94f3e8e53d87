# A mailbox: loops post the tokens of operations that want attention, and wake an asyncio event loop through a descriptor.
#
# Owner: reference counted; the Python EventMailbox and every operation that posts to it hold one reference.

cdef struct Mailbox:
    int refs
    Monitor *monitor
    unsigned long long *tokens
    Py_ssize_t count
    Py_ssize_t capacity
    bint notified                   # since the last wait()
    bint taking                     # take() is under way, which finds what is posted meanwhile
    bint told                       # the waker has been notified, and is to be cleared
    bint closed                     # the Python side has gone
    int waker[2]                    # -1 when there was no descriptor left
    # The event loop's alone: see event_loop_runs.pxi.
    int epoll                       # what it watches, where there is epoll: the waker, and the loop that it attends
    bint watched                    # whether it does
    Op *attended                    # a reference: the operation whose loop it attends, or NULL
    int watched_epoll               # that loop's, or -1
    int watched_serial


cdef void mailbox_drop(Mailbox *box) noexcept nogil:
    if box != NULL and count_down(&box.refs) == 0:
        close_waker(box.waker)
        free(box.tokens)
        del box.monitor
        free(box)


cdef void mailbox_post(Mailbox *box, unsigned long long token) noexcept nogil:
    cdef unsigned long long *grown
    cdef Py_ssize_t wanted
    box.monitor.lock()
    if not box.closed:
        if box.count == box.capacity:
            wanted = box.capacity * 2 if box.capacity else 64
            grown = <unsigned long long *>realloc(box.tokens, wanted * sizeof(unsigned long long))
            if grown == NULL:
                abort()             # without memory for eight bytes, a lost wake-up would be a hang
            box.tokens = grown
            box.capacity = wanted
        box.tokens[box.count] = token
        box.count += 1
        if box.count == 1:
            box.notified = True
            if box.waker[1] >= 0 and not box.taking:
                box.told = True
                notify_waker(box.waker)
            box.monitor.notify()
    box.monitor.unlock()


cdef class EventMailbox:
    """Receives the tokens of operations that want attention; one per asyncio event loop and process."""

    cdef Mailbox *box
    cdef readonly int generation

    def __cinit__(self):
        self.box = <Mailbox *>calloc(1, sizeof(Mailbox))
        if self.box == NULL:
            raise MemoryError
        self.box.refs = 1
        self.box.monitor = new Monitor()
        self.generation = fork_generation
        self.box.epoll = self.box.watched_epoll = -1
        if open_waker(self.box.waker) != 0:
            self.box.waker[0] = self.box.waker[1] = -1
            return
        self.box.epoll = epoll_open()
        if self.box.epoll >= 0 and epoll_watch(self.box.epoll, self.box.waker[0], 0, CURL_POLL_IN) != 0:
            close_descriptor(self.box.epoll)
            self.box.epoll = -1

    def __dealloc__(self):
        if self.box == NULL:
            return
        if self.generation != fork_generation:
            return                  # another process's mailbox: a lock in it may be held for ever; leave it
        with nogil:
            mailbox_leave(self.box)
            self.box.monitor.lock()
            self.box.closed = True
            close_waker(self.box.waker)
            if self.box.epoll >= 0:
                close_descriptor(self.box.epoll)
            self.box.monitor.unlock()
            mailbox_drop(self.box)

    @property
    def stale(self) -> bool:
        """Whether this mailbox was made before the last fork, by the parent process."""
        return self.generation != fork_generation

    def fileno(self) -> int:
        """The descriptor that is readable while tokens wait; -1 when the process had none left: then wait()."""
        return self.box.epoll if self.box.epoll >= 0 else self.box.waker[0]

    def watched(self) -> None:
        """Tell that an event loop watches fileno(), and calls take() whenever it is readable, in the thread of its calls.

        It may then run the engine's loop there, which saves small operations two changes of thread.
        """
        self.box.watched = True

    @property
    def attending(self) -> bool:
        """Whether the event loop runs the engine's loop for an operation under way."""
        return self.box.attended != NULL

    def wait(self, double seconds) -> bool:
        """Block without the GIL until a new token comes, at most `seconds`; where no descriptor can be watched."""
        cdef bint notified
        with nogil:
            self.box.monitor.lock()
            if not self.box.notified:
                self.box.monitor.wait(<long long>(seconds * 1e9))
            notified = self.box.notified
            self.box.notified = False
            self.box.monitor.unlock()
        return notified

    def take(self) -> list:
        """The tokens posted since the last call, oldest first."""
        cdef Mailbox *box = self.box
        cdef unsigned long long *tokens
        cdef Py_ssize_t count, i
        cdef bint attends = box.attended != NULL
        cdef bint told
        with nogil:
            box.monitor.lock()
            box.taking = True
            box.monitor.unlock()
            mailbox_attend(box)
            box.monitor.lock()
            tokens = box.tokens
            count = box.count
            box.tokens = NULL
            box.count = box.capacity = 0
            box.taking = False
            told = box.told
            if told:
                clear_waker(box.waker)
                box.told = False
            box.monitor.unlock()
            if not attends and not told:
                # It was the loop that the mailbox has attended before: others run it now, or it is idle.
                mailbox_unwatch(box)
        taken = [tokens[i] for i in range(count)]
        free(tokens)
        return taken
