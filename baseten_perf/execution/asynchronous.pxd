# The layout of a dispatcher, for its compiled module.

cimport cython

from baseten_perf.execution.call cimport Call


cdef class Dispatcher:
    cdef object __weakref__
    cdef object _loop
    cdef readonly object mailbox
    cdef dict _futures
    cdef object _listeners
    cdef object _tokens

    cpdef object _serve(self, object tokens)
    @cython.locals(call=Call)
    cpdef object _feed(self, object token)
    @cython.locals(call=Call)
    cpdef object _advance(self, object token)
    cdef void _fail(self, object token, object future, Call call, object failure) except *
