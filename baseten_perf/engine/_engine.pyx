# distutils: language = c++
"""The native engine: loop threads without the GIL run operations over libcurl.

A table of contents.  Python says what is to be done (an OperationHandle on an Engine).  The loops do it: they start
requests in order, run attempts, retry, decode, keep deadlines, and post how each request ended.  The two sides meet in
structs that small locks guard.  These locks are leaves: held for a push or a swap, never across a call of libcurl or
Python.  Loop threads touch no Python object, take no GIL, raise nothing and log nothing.
"""

import atexit
import os
import sys
from importlib.machinery import ExtensionFileLoader, PathFinder

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_SIMPLE,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EMFILE, ENFILE, errno
from libc.stdio cimport snprintf
from libc.stdlib cimport abort, calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove, memset, strcmp, strdup, strlen, strncmp
from libcpp cimport bool as cpp_bool

from baseten_perf.decode.base64 cimport base64_encode, base64_length
from baseten_perf.decode.content cimport ContentDecoder, brotli, remove_codings, zlib
from baseten_perf.decode.headers cimport ContentType, HeaderLines, append_header_line, content_type_of
from baseten_perf.decode.kernel cimport choose_kernel, kernel_count, kernel_in_use, kernels, wanted_kernel
from baseten_perf.decode.rate_limits cimport Quota, RateLimits, may_be_rate_limit
from baseten_perf.decode.reader cimport Bytes, Reservation, ReserveRows, EmbeddingsReader


cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX


cdef extern from "<cmath>" nogil:
    double ceil(double number)
    double fabs(double number)
    double log(double number)
    double pow(double base, double exponent)
    double rint(double number)
    double sqrt(double number)

cdef extern from "<strings.h>" nogil:
    int strcasecmp(const char *left, const char *right)
    int strncasecmp(const char *left, const char *right, size_t length)


include "platform.pxi"      # clocks, locks, threads, wake-up descriptors
include "libcurl.pxi"       # libcurl's functions and numbers, bound at run time
include "openssl.pxi"       # OpenSSL below it, likewise
include "codings.pxi"       # what undoes content codings, bound at run time
include "timers.pxi"        # a loop's timers
include "page_cache.pxi"    # the memory of large buffers, kept for the next
include "row_buffer.pxi"    # the memory of a matrix
include "queue.pxi"         # who waits for a permit
include "knee.pxi"          # how many requests in flight are of use
include "turns.pxi"         # in what order
include "bucket.pxi"        # how much at once, and how much each second
include "limit.pxi"         # so much as the user has told
include "pace.pxi"          # how an endpoint takes requests,
include "rate.pxi"          # how fast,
include "cap.pxi"           # how many at a time,
include "chance.pxi"        # neither of them,
include "gate.pxi"          # and when none at all
include "told.pxi"          # what it tells of its quotas
include "permits.pxi"       # who may start the next one
include "shortage.pxi"      # of descriptors
include "operation.pxi"     # the native operation: shares, progress
include "request.pxi"       # its requests, and which is started next
include "rows.pxi"          # and where their rows go
include "mailbox.pxi"       # telling an asyncio event loop
include "fork.pxi"          # what a child process must not share
include "resolver.pxi"      # the addresses of hosts, and the look-ups that find them
include "names.pxi"         # which hosts a route needs
include "stamp.pxi"         # of the files that TLS depends on
include "histogram.pxi"     # of durations
include "tally.pxi"         # what has become of the attempts on an endpoint
include "route.pxi"         # where an attempt goes: endpoints, their health, their paces
include "plan.pxi"          # what requests of one kind have in common
include "kernel.pxi"        # the decoders' inner loops
include "retry_headers.pxi" # what a response says of further attempts
include "address.pxi"       # how a transfer gets its addresses
include "transfer.pxi"      # libcurl's easy handle, carrying one attempt
include "retry.pxi"         # whether and when an attempt is made again
include "receiving.pxi"     # the head of the response that it receives
include "content.pxi"       # the content codings of its body
include "body.pxi"          # its body
include "lines.pxi"         # its header lines
include "redirect.pxi"      # what goes along to where an answer sends it
include "options.pxi"       # what libcurl is told about a transfer
include "timings.pxi"       # where the time of a request went
include "native_completion.pxi"  # how an attempt ended
include "sessions.pxi"      # what of TLS is kept for further connections
include "trust_store.pxi"   # certificates that are parsed once
include "multi.pxi"         # libcurl's multi handle: connections and idle transfers
include "sockets.pxi"       # the sockets of a loop, watched by epoll
include "share.pxi"         # an operation's part on one loop
include "starting.pxi"      # what it starts and waits for
include "attempt.pxi"       # what becomes of an attempt that has ended
include "loop.pxi"          # the thread
include "caller_runs.pxi"   # a caller in its place
include "event_loop_runs.pxi"   # an event loop in its place
include "core.pxi"          # a connection pool's loops
include "spare.pxi"         # a descriptor for when there is no other
include "engine.pxi"        # Engine
include "matrix.pxi"        # Matrix
include "lent.pxi"          # a Matrix on memory of the caller's
include "completion.pxi"    # Completion, Vectors
include "request_id.pxi"    # the ids of requests
include "limbo.pxi"         # bodies that outlive their handle
include "handle.pxi"        # OperationHandle
include "driver.pxi"        # PaceDriver, for tests
include "limit_driver.pxi"  # LimitDriver, for tests
include "operation_driver.pxi"   # OperationDriver, for tests
include "reader_driver.pxi" # ReaderDriver, for tests
include "histogram_driver.pxi"   # HistogramDriver, for tests
include "startup.pxi"       # what happens at import
