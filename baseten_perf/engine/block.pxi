# A block: the memory of one matrix of float32 rows, and how it is copied without copying.
#
# Owner: reference counted; the operation that fills it and each Python Matrix on it hold one reference.  On Linux a
# very large block lies in an unnamed file in memory (memfd_create), of which each copy is a private mapping: the same
# pages, until somebody writes to them.  So response.numpy() gives an array of its own and the peak stays at one block.
#
# No lock guards it.  Loops write to rows of their own while the operation lives.  `floats` come and go (block_wake,
# block_rest) with the GIL held, and go only when the operation is gone and nobody in Python looks into them: see Matrix.

cdef extern from * nogil:
    """
    // An unnamed file of `size` zero bytes in memory, or -1.
    static inline int open_rows_file(size_t size) {
    #if defined(__linux__) && defined(MFD_CLOEXEC)
        int file = memfd_create("baseten_perf rows", MFD_CLOEXEC);
        if (file >= 0 && ftruncate(file, static_cast<off_t>(size)) != 0) {
            close(file);
            file = -1;
        }
        return file;
    #else
        (void)size;
        return -1;
    #endif
    }
    static inline float *map_rows(int file, size_t size, bool of_its_own) {
        void *rows = mmap(nullptr, size, PROT_READ | PROT_WRITE, of_its_own ? MAP_PRIVATE : MAP_SHARED, file, 0);
        return rows == MAP_FAILED ? nullptr : static_cast<float *>(rows);
    }
    """
    int open_rows_file(size_t size)
    float *map_rows(int file, size_t size, bint of_its_own)

cdef enum:
    # Bytes from which a block has a file, and with it a descriptor for as long as it lives: so many gigabytes of
    # results fit into no memory before their number comes near a limit of descriptors.  Its pages cost the kernel twice
    # as much as others (2.4 against 1.4 us to fill one, and as much again until it is gone), so smaller ones are copied.
    LARGE_BLOCK = 268435456
    # Bytes from which its memory is whole pages, worth keeping; less is malloc's.
    PAGED_BLOCK = 1048576

cdef struct Block:
    int refs
    float *floats                   # NULL while a filled block rests in its file
    size_t rows
    size_t dimension
    size_t size                     # bytes
    int file                        # -1: none, or the block is a copy
    bint lent                       # `floats` are a caller's: see rows.pxi
    size_t mapped                   # bytes of the file that are mapped; 0: none are, or `floats` is other memory
    Piece pages                     # where `floats` are; `start` is NULL when they are malloc's or mapped


cdef Block *block_new(size_t rows, size_t dimension) noexcept nogil:
    """Rows of any content; NULL when memory has run out."""
    cdef Block *block = NULL
    if dimension <= (<size_t>-1) // sizeof(float) // rows:
        block = <Block *>calloc(1, sizeof(Block))
    if block == NULL:
        return NULL
    block.refs = 1
    block.rows = rows
    block.dimension = dimension
    block.size = rows * dimension * sizeof(float)
    block.file = -1
    if block.size >= LARGE_BLOCK:
        pages_forget()
        block.file = open_rows_file(block.size)
    if block.file >= 0 and not block_wake(block):
        close_descriptor(block.file)
        block.file = -1
    if block.floats == NULL and not block_allocate(block):
        free(block)
        return NULL
    return block


cdef Block *block_of_lent(float *floats, size_t rows, size_t dimension) noexcept nogil:
    """Rows in memory that somebody else keeps for as long as the block is used; NULL when memory has run out."""
    cdef Block *block = <Block *>calloc(1, sizeof(Block))
    if block == NULL:
        return NULL
    block.refs = 1
    block.floats = floats
    block.rows = rows
    block.dimension = dimension
    block.size = rows * dimension * sizeof(float)
    block.file = -1
    block.lent = True
    return block


cdef bint block_allocate(Block *block) noexcept nogil:
    """Memory that is no file's; False when it has run out."""
    if block.size >= PAGED_BLOCK:
        block.pages = pages_take(block.size)
        block.floats = <float *>block.pages.start
    else:
        block.floats = <float *>malloc(block.size)
    return block.floats != NULL


cdef void block_drop(Block *block) noexcept nogil:
    if block == NULL or count_down(&block.refs) > 0:
        return
    if block.lent:
        pass
    elif block.pages.start != NULL:
        pages_give(block.pages)
    elif block.mapped:
        unmap_pages(block.floats, block.mapped)
    else:
        free(block.floats)
    if block.file >= 0:
        close_descriptor(block.file)
    free(block)


cdef bint block_wake(Block *block) noexcept nogil:
    """With the GIL held: make `floats` readable again after block_rest; False when the system refuses."""
    if block.floats == NULL:
        block.floats = map_rows(block.file, block.size, False)
        block.mapped = block.size if block.floats != NULL else 0
    return block.floats != NULL


cdef void block_rest(Block *block) noexcept nogil:
    """With the GIL held: leave the rows to their file, if the caller's reference is the only one that is left."""
    if block.file >= 0 and block.floats != NULL and count_now(&block.refs) == 1:
        unmap_pages(block.floats, block.mapped)
        block.floats = NULL
        block.mapped = 0


cdef Block *block_copy(Block *block, const float *floats) noexcept nogil:
    """A block of its own with the same rows, which nothing may write to any more; NULL when memory has run out.

    `floats` are the block's, NULL when they rest: then only their file can be copied.
    """
    cdef Block *copy = <Block *>calloc(1, sizeof(Block))
    if copy == NULL:
        return NULL
    copy.refs = 1
    copy.rows = block.rows
    copy.dimension = block.dimension
    copy.size = block.size
    copy.file = -1
    if block.file >= 0:
        copy.floats = map_rows(block.file, block.size, True)
        copy.mapped = block.size if copy.floats != NULL else 0
    if copy.floats == NULL and floats != NULL and block_allocate(copy):
        memcpy(copy.floats, floats, block.size)
    if copy.floats == NULL:
        free(copy)
        return NULL
    return copy
