# The limbo: bodies of operations that were dropped while loops may still read them.
#
# Owner: the list below, of each Limbo; the Limbo, of the bodies and of the handle's reference to the operation.  It is
# swept, with the GIL held, by the next operation that is made or dropped.  A forked child clears it: see fork.pxi.

cdef list limbo = []


cdef class Limbo:
    cdef Op *op
    cdef list bodies


cdef void leave_in_limbo(Op *op, list bodies):
    """Take over the handle's reference, and keep the bodies until no loop has a share of the operation."""
    cdef Limbo left = Limbo.__new__(Limbo)
    left.op = op
    left.bodies = bodies
    limbo.append(left)


cdef void sweep_limbo():
    if not limbo:
        return
    cdef Limbo left
    cdef list kept = []
    for left in limbo:
        if count_now(&left.op.refs) > 1:
            kept.append(left)
        else:
            op_drop(left.op)
    limbo[:] = kept
