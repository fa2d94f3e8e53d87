# Pages: the memory of large blocks; what one gives back is kept for the next.
#
# Finding and clearing a new page costs the kernel more than decoding the floats that go into it: 1.3 us for 1024 floats,
# and 0.25 to take it back, where a kept one costs 0.25 in all.  While pages are kept they are the system's to take when
# memory is short (MADV_FREE), and then come back as zeros; so a block begins with whatever an earlier one left there.

cdef extern from * nogil:
    """
    #include <sys/mman.h>

    // Linux 4.5 has it, the headers that a wheel is built with may not; an older Linux answers EINVAL.
    #if defined(__linux__) && !defined(MADV_FREE)
    #define MADV_FREE 8
    #endif

    static inline void *map_pages(size_t size) {
        void *pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return pages == MAP_FAILED ? nullptr : pages;
    }
    static inline void unmap_pages(void *pages, size_t size) { munmap(pages, size); }

    // Lets the system have them when memory is short; false where it cannot be told so.
    static inline bool lend_pages(void *pages, size_t size) {
    #if defined(MADV_FREE)
        return madvise(pages, size, MADV_FREE) == 0;
    #else
        (void)pages, (void)size;
        return false;
    #endif
    }
    """
    void *map_pages(size_t size)
    void unmap_pages(void *pages, size_t size)
    bint lend_pages(void *pages, size_t size)

cdef enum:
    # What is more than these pushes out the oldest.
    KEPT_PIECES = 16
    KEPT_BYTES = 268435456

cdef struct Piece:
    void *start
    size_t size

# Pieces that belong to no block, the oldest first.
cdef struct Kept:
    Monitor *monitor                      # held across a fork, so that a child finds the list whole
    Piece pieces[KEPT_PIECES]
    int count
    size_t bytes

cdef Kept kept
kept.monitor = new Monitor()


cdef Piece kept_remove(int i) noexcept nogil:
    """With the monitor held."""
    cdef Piece piece = kept.pieces[i]
    kept.count -= 1
    kept.bytes -= piece.size
    memmove(&kept.pieces[i], &kept.pieces[i + 1], (kept.count - i) * sizeof(Piece))
    return piece


cdef Piece pages_take(size_t size) noexcept nogil:
    """`size` bytes of any content, or somewhat more; `start` is NULL when memory has run out."""
    cdef Piece piece
    cdef int i
    cdef int best = -1
    kept.monitor.lock()
    for i in range(kept.count):
        if size <= kept.pieces[i].size <= 2 * size and (best < 0 or kept.pieces[i].size <= kept.pieces[best].size):
            best = i
    if best >= 0:
        piece = kept_remove(best)
    kept.monitor.unlock()
    if best >= 0:
        return piece
    piece.size = size
    piece.start = map_pages(size)
    if piece.start == NULL:
        # A limit of the process may count what is kept.
        pages_forget()
        piece.start = map_pages(size)
    return piece


cdef void pages_give(Piece piece) noexcept nogil:
    """Take back what pages_take gave."""
    cdef Piece evicted
    if piece.size > KEPT_BYTES or not lend_pages(piece.start, piece.size):
        unmap_pages(piece.start, piece.size)
        return
    while True:
        evicted.start = NULL
        kept.monitor.lock()
        if kept.count == KEPT_PIECES or kept.bytes + piece.size > KEPT_BYTES:
            evicted = kept_remove(0)
        else:
            kept.pieces[kept.count] = piece
            kept.count += 1
            kept.bytes += piece.size
        kept.monitor.unlock()
        if evicted.start == NULL:
            return
        unmap_pages(evicted.start, evicted.size)


cdef void pages_forget() noexcept nogil:
    """Keep none, before a block that needs much memory."""
    cdef Piece piece
    while True:
        piece.start = NULL
        kept.monitor.lock()
        if kept.count > 0:
            piece = kept_remove(0)
        kept.monitor.unlock()
        if piece.start == NULL:
            return
        unmap_pages(piece.start, piece.size)
