# A buffer: the memory of one matrix of float32 rows, and how it is copied without copying.
#
# Owner: reference counted; the operation that fills it and each Python Matrix on it hold one reference.  On Linux a
# very large buffer lies in an unnamed file in memory (memfd_create), of which each copy is a private mapping: the same
# pages, until somebody writes to them.  So response.numpy() gives an array of its own and the peak stays at one buffer.
#
# No lock guards it.  Loops write to rows of their own while the operation lives.  `floats` come and go (row_buffer_map,
# row_buffer_unmap) with the GIL held, and go only when the operation is gone and nobody in Python looks into them: see Matrix.

cdef extern from * nogil:
    """
    #if defined(__linux__)
    #include <sys/syscall.h>
    #endif

    // The system call by its number, as older headers have no function for it and may lack the number too.
    #if defined(__linux__) && !defined(SYS_memfd_create)
    #if defined(__x86_64__)
    #define SYS_memfd_create 319
    #elif defined(__aarch64__) || defined(__riscv)
    #define SYS_memfd_create 279
    #elif defined(__powerpc__)
    #define SYS_memfd_create 360
    #elif defined(__s390x__)
    #define SYS_memfd_create 350
    #endif
    #endif

    // An unnamed file of `size` zero bytes in memory, or -1.
    static inline int open_rows_file(size_t size) {
    #if defined(SYS_memfd_create)
        constexpr unsigned close_on_exec = 1;  // MFD_CLOEXEC
        int file = static_cast<int>(syscall(SYS_memfd_create, "baseten_perf rows", close_on_exec));
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
    # Bytes from which a buffer has a file, and with it a descriptor for as long as it lives: so many gigabytes of
    # results fit into no memory before their number comes near a limit of descriptors.  Its pages cost the kernel twice
    # as much as others (2.4 against 1.4 us to fill one, and as much again until it is gone), so smaller ones are copied.
    LARGE_BUFFER = 268435456
    # Bytes from which its memory is whole pages, worth keeping; less is malloc's.
    MAPPED_BUFFER = 1048576

cdef struct RowBuffer:
    int refs
    float *floats                   # NULL while a filled buffer rests in its file
    size_t rows
    size_t dimension
    size_t size                     # bytes
    int file                        # -1: none, or the buffer is a copy
    bint lent                       # `floats` are a caller's: see lent.pxi
    size_t mapped                   # bytes of the file that are mapped; 0: none are, or `floats` is other memory
    Mapping mapping                 # where `floats` are; `start` is NULL when they are malloc's or mapped


cdef RowBuffer *row_buffer_new(size_t rows, size_t dimension) noexcept nogil:
    """Rows of any content; NULL when memory has run out."""
    cdef RowBuffer *buffer = NULL
    if dimension <= (<size_t>-1) // sizeof(float) // rows:
        buffer = <RowBuffer *>calloc(1, sizeof(RowBuffer))
    if buffer == NULL:
        return NULL
    buffer.refs = 1
    buffer.rows = rows
    buffer.dimension = dimension
    buffer.size = rows * dimension * sizeof(float)
    buffer.file = -1
    if buffer.size >= LARGE_BUFFER:
        page_cache_clear()
        buffer.file = open_rows_file(buffer.size)
    if buffer.file >= 0 and not row_buffer_map(buffer):
        close_descriptor(buffer.file)
        buffer.file = -1
    if buffer.floats == NULL and not row_buffer_allocate(buffer):
        free(buffer)
        return NULL
    return buffer


cdef RowBuffer *row_buffer_lent(float *floats, size_t rows, size_t dimension) noexcept nogil:
    """Rows in memory that somebody else keeps for as long as the buffer is used; NULL when memory has run out."""
    cdef RowBuffer *buffer = <RowBuffer *>calloc(1, sizeof(RowBuffer))
    if buffer == NULL:
        return NULL
    buffer.refs = 1
    buffer.floats = floats
    buffer.rows = rows
    buffer.dimension = dimension
    buffer.size = rows * dimension * sizeof(float)
    buffer.file = -1
    buffer.lent = True
    return buffer


cdef bint row_buffer_allocate(RowBuffer *buffer) noexcept nogil:
    """Memory that is no file's; False when it has run out."""
    if buffer.size >= MAPPED_BUFFER:
        buffer.mapping = page_cache_take(buffer.size)
        buffer.floats = <float *>buffer.mapping.start
    else:
        buffer.floats = <float *>malloc(buffer.size)
    return buffer.floats != NULL


cdef void row_buffer_drop(RowBuffer *buffer) noexcept nogil:
    if buffer == NULL or count_down(&buffer.refs) > 0:
        return
    if buffer.lent:
        pass
    elif buffer.mapping.start != NULL:
        page_cache_give(buffer.mapping)
    elif buffer.mapped:
        unmap_pages(buffer.floats, buffer.mapped)
    else:
        free(buffer.floats)
    if buffer.file >= 0:
        close_descriptor(buffer.file)
    free(buffer)


cdef bint row_buffer_map(RowBuffer *buffer) noexcept nogil:
    """With the GIL held: make `floats` readable again after row_buffer_unmap; False when the system refuses."""
    if buffer.floats == NULL:
        buffer.floats = map_rows(buffer.file, buffer.size, False)
        buffer.mapped = buffer.size if buffer.floats != NULL else 0
    return buffer.floats != NULL


cdef void row_buffer_unmap(RowBuffer *buffer) noexcept nogil:
    """With the GIL held: leave the rows to their file, if the caller's reference is the only one that is left."""
    if buffer.file >= 0 and buffer.floats != NULL and count_now(&buffer.refs) == 1:
        unmap_pages(buffer.floats, buffer.mapped)
        buffer.floats = NULL
        buffer.mapped = 0


cdef RowBuffer *row_buffer_copy(RowBuffer *buffer, const float *floats) noexcept nogil:
    """A buffer of its own with the same rows, which nothing may write to any more; NULL when memory has run out.

    `floats` are the buffer's, NULL when they rest: then only their file can be copied.
    """
    cdef RowBuffer *copy = <RowBuffer *>calloc(1, sizeof(RowBuffer))
    if copy == NULL:
        return NULL
    copy.refs = 1
    copy.rows = buffer.rows
    copy.dimension = buffer.dimension
    copy.size = buffer.size
    copy.file = -1
    if buffer.file >= 0:
        copy.floats = map_rows(buffer.file, buffer.size, True)
        copy.mapped = buffer.size if copy.floats != NULL else 0
    if copy.floats == NULL and floats != NULL and row_buffer_allocate(copy):
        memcpy(copy.floats, floats, buffer.size)
    if copy.floats == NULL:
        free(copy)
        return NULL
    return copy
