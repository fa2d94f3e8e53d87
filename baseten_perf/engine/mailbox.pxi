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
    bint closed                     # the Python side has gone
    int waker[2]                    # -1 when there was no descriptor left


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
            if box.waker[1] >= 0:
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
        if open_waker(self.box.waker) != 0:
            self.box.waker[0] = self.box.waker[1] = -1

    def __dealloc__(self):
        if self.box == NULL:
            return
        if self.generation != fork_generation:
            return                  # another process's mailbox: a lock in it may be held for ever; leave it
        with nogil:
            self.box.monitor.lock()
            self.box.closed = True
            close_waker(self.box.waker)
            self.box.monitor.unlock()
            mailbox_drop(self.box)

    @property
    def stale(self) -> bool:
        """Whether this mailbox was made before the last fork, by the parent process."""
        return self.generation != fork_generation

    def fileno(self) -> int:
        """The descriptor that is readable while tokens wait; -1 when the process had none left: then wait()."""
        return self.box.waker[0]

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
        cdef unsigned long long *tokens
        cdef Py_ssize_t count, i
        with nogil:
            self.box.monitor.lock()
            tokens = self.box.tokens
            count = self.box.count
            self.box.tokens = NULL
            self.box.count = self.box.capacity = 0
            if self.box.waker[0] >= 0:
                clear_waker(self.box.waker)
            self.box.monitor.unlock()
        taken = [tokens[i] for i in range(count)]
        free(tokens)
        return taken
