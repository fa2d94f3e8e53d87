# A queue of waiters, first come, first served.

# One that waits for a permit: a share, or a stand-in for one.
cdef struct Waiter:
    Waiter *previous                # in the queue
    Waiter *next
    bint waiting                    # written by the owner's thread alone, as is the next
    Turns *turns                    # where it stands, unless it waits for a descriptor
    double cost                     # of what it wants there, in tokens
    bint adaptive                   # of an operation that keeps to the knees of its paces
    int *refs                       # of what owns the waiter: who is woken is held meanwhile
    void *share

cdef struct Queue:
    Waiter *first
    Waiter *last


cdef void queue_append(Queue *queue, Waiter *waiter) noexcept nogil:
    waiter.waiting = True
    waiter.next = NULL
    waiter.previous = queue.last
    if queue.last != NULL:
        queue.last.next = waiter
    else:
        queue.first = waiter
    queue.last = waiter


cdef void queue_remove(Queue *queue, Waiter *waiter) noexcept nogil:
    waiter.waiting = False
    if waiter.previous != NULL:
        waiter.previous.next = waiter.next
    else:
        queue.first = waiter.next
    if waiter.next != NULL:
        waiter.next.previous = waiter.previous
    else:
        queue.last = waiter.previous
