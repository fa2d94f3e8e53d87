# Request ids: what the ids of an operation's requests have in common, its stem; see lines.pxi for what follows it.

# The first of a process is drawn, so that a child does not repeat its parent's.
cdef unsigned long long request_ids = 0


cdef void draw_request_ids():
    global request_ids
    request_ids = int.from_bytes(os.urandom(8), "little")


cdef unsigned long long next_request_id():
    """40 bits, with the GIL held."""
    global request_ids
    request_ids += 1
    return splitmix64(request_ids) >> 24


cdef bytes op_make_request_id_stem(Op *op):
    """Give the operation its stem, where the plan has a prefix; the same for Python, b"" for none."""
    cdef char *place
    if op.plan.request_id_prefix == NULL:
        return b""
    op.request_id_stem_size = strlen(op.plan.request_id_prefix) + REQUEST_ID_DIGITS
    op.request_id_stem = <char *>malloc(op.request_id_stem_size + 1)
    if op.request_id_stem == NULL:
        raise MemoryError
    place = put_text(op.request_id_stem, op.plan.request_id_prefix, op.request_id_stem_size - REQUEST_ID_DIGITS)
    place = put_hex(put_text(place, b"-", 1), next_request_id(), REQUEST_ID_DIGITS - 1)
    place[0] = 0
    return op.request_id_stem[:op.request_id_stem_size]
