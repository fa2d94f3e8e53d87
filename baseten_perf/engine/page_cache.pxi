# Page cache: the memory of large buffers, kept for the next buffer when one is dropped.
#
# Finding and clearing a new page costs the kernel more than decoding the floats that go into it: 1.3 us for 1024 floats,
# and 0.25 to take it back; 0.8 where it is asked for sixteen of them at once (MADV_POPULATE_WRITE, Linux 5.14), before they
# are written.  A kept page costs 0.25 in all.  The system may take kept pages when memory is short (MADV_FREE)
# and then gives zeros for them, so a buffer begins with any content.

cdef extern from * nogil:
    """
    #include <sys/mman.h>

    // What the system knows, not what the headers knew that this was built with: an older Linux refuses it.
    #if defined(__linux__) && !defined(MADV_FREE)
    #define MADV_FREE 8
    #endif
    #if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
    #define MADV_POPULATE_WRITE 23
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
    // Finds pages for what is about to be written there, all at once; it is no matter where the system cannot.
    static inline void populate_pages(void *start, size_t size) {
    #if defined(MADV_POPULATE_WRITE)
        constexpr uintptr_t page = 4096;  // of the hardware, at least
        uintptr_t first = reinterpret_cast<uintptr_t>(start), last = (first + size + page - 1) & ~(page - 1);
        first &= ~(page - 1);
        madvise(reinterpret_cast<void *>(first), last - first, MADV_POPULATE_WRITE);
    #else
        (void)start, (void)size;
    #endif
    }
    """
    void *map_pages(size_t size)
    void unmap_pages(void *pages, size_t size)
    bint lend_pages(void *pages, size_t size)
    void populate_pages(void *start, size_t size)

cdef enum:
    # The oldest mappings make room when there would be more.
    CACHED_MAPPINGS = 16
    CACHED_BYTES = 268435456

cdef struct Mapping:
    void *start
    size_t size
    bint fresh                      # nobody has written there yet

# Mappings that no buffer has, the oldest first.
cdef struct PageCache:
    Monitor *monitor                      # held across a fork, so that a child finds the list whole
    Mapping mappings[CACHED_MAPPINGS]
    int count
    size_t bytes

cdef PageCache page_cache


cdef Mapping page_cache_remove(int i) noexcept nogil:
    """With the monitor held."""
    cdef Mapping piece = page_cache.mappings[i]
    page_cache.count -= 1
    page_cache.bytes -= piece.size
    memmove(&page_cache.mappings[i], &page_cache.mappings[i + 1], (page_cache.count - i) * sizeof(Mapping))
    return piece


cdef Mapping page_cache_take(size_t size) noexcept nogil:
    """`size` bytes of any content, or somewhat more; `start` is NULL when memory has run out."""
    cdef Mapping piece
    cdef int i
    cdef int best = -1
    page_cache.monitor.lock()
    for i in range(page_cache.count):
        if size <= page_cache.mappings[i].size <= 2 * size and (best < 0 or page_cache.mappings[i].size <= page_cache.mappings[best].size):
            best = i
    if best >= 0:
        piece = page_cache_remove(best)
    page_cache.monitor.unlock()
    if best >= 0:
        return piece
    piece.size = size
    piece.fresh = True
    piece.start = map_pages(size)
    if piece.start == NULL:
        # A limit of the process may count what is kept here.
        page_cache_clear()
        piece.start = map_pages(size)
    return piece


cdef void page_cache_give(Mapping piece) noexcept nogil:
    """Take back what page_cache_take gave."""
    cdef Mapping evicted
    piece.fresh = False
    if piece.size > CACHED_BYTES or not lend_pages(piece.start, piece.size):
        unmap_pages(piece.start, piece.size)
        return
    while True:
        evicted.start = NULL
        page_cache.monitor.lock()
        if page_cache.count == CACHED_MAPPINGS or page_cache.bytes + piece.size > CACHED_BYTES:
            evicted = page_cache_remove(0)
        else:
            page_cache.mappings[page_cache.count] = piece
            page_cache.count += 1
            page_cache.bytes += piece.size
        page_cache.monitor.unlock()
        if evicted.start == NULL:
            return
        unmap_pages(evicted.start, evicted.size)


cdef void page_cache_clear() noexcept nogil:
    """Unmap all that is kept, before a buffer that needs much memory."""
    cdef Mapping piece
    while True:
        piece.start = NULL
        page_cache.monitor.lock()
        if page_cache.count > 0:
            piece = page_cache_remove(0)
        page_cache.monitor.unlock()
        if piece.start == NULL:
            return
        unmap_pages(piece.start, piece.size)
