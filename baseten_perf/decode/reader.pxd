"""The reader of embeddings responses, and what it hands over."""

cdef extern from "decode/bytes.hpp" namespace "baseten" nogil:
    cppclass Bytes:
        char *data
        size_t size
        bint append(const char *text, size_t length)
        void restart()
        char *take()

cdef extern from "decode/vectors.hpp" namespace "baseten" nogil:
    cdef enum class Reservation:
        granted
        dimension_differs
        no_memory
    ctypedef Reservation (*ReserveRows)(void *owner, size_t dimension, float **rows) noexcept nogil
    cppclass Vectors:
        bint direct()
        size_t count()
        bint commit()
        void take(float **values, size_t **ends)

cdef extern from "decode/reader.hpp" namespace "baseten" nogil:
    cppclass EmbeddingsReader:
        Vectors vectors
        Bytes skeleton
        char *head
        size_t head_used
        char *failure
        bint out_of_memory
        void start(size_t most, void *owner, ReserveRows reserve_rows, bint detached)
        void choose(bint msgpack)
        void remember_head(const char *text, size_t size)
        void feed(const char *text, size_t size)
        void finish()
