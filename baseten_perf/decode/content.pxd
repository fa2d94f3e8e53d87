"""Content codings: the libraries that undo them, and the decoder of a body."""

from libcpp cimport bool as cpp_bool

from baseten_perf.decode.reader cimport Bytes


cdef extern from "decode/inflater.hpp" namespace "baseten" nogil:
    cppclass Zlib:
        bint bind(void *library)
    Zlib zlib

cdef extern from "decode/unbrotli.hpp" namespace "baseten" nogil:
    cppclass BrotliLibrary:
        bint bind(void *library)
    BrotliLibrary brotli

cdef extern from "decode/content_decoder.hpp" namespace "baseten" nogil:
    ctypedef cpp_bool (*TakeDecoded "baseten::ContentDecoder::Take")(void *owner, const char *text, size_t size) \
        noexcept nogil
    cppclass ContentDecoder:
        char *failure
        bint out_of_memory
        bint too_large
        void start()
        void add(const char *value, size_t size)
        bint any()
        void begin(void *owner, TakeDecoded take, size_t most)
        bint feed(const char *text, size_t size)
        bint finish()
    bint remove_codings(Bytes &headers)
