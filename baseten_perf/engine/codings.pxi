# Content codings: who undoes them, and what is asked for.
#
# Zlib and brotli are in what libcurl is linked to: with zlib found there we undo codings ourselves (see content.pxi), since
# libcurl refuses every body whose label it does not know.  Without it, or with BASETEN_PERF_CODINGS=libcurl, libcurl does.


cdef bint codings_are_ours = False
cdef bytes accept_encoding = b""


cdef int bind_codings(void *library) except -1:
    global codings_are_ours, accept_encoding
    codings_are_ours = zlib.bind(library) and os.environ.get("BASETEN_PERF_CODINGS") != "libcurl"
    has_brotli = brotli.bind(library)
    if codings_are_ours:
        accept_encoding = b"accept-encoding: gzip, deflate, br" if has_brotli else b"accept-encoding: gzip, deflate"
    return 0
