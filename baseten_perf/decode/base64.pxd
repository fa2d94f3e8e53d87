"""Base64 of a vector."""

cdef extern from "decode/base64.hpp" namespace "baseten" nogil:
    size_t base64_length(size_t size)
    void base64_encode(const unsigned char *octets, size_t size, char *text)
