# For compiled modules: they call it as a C function.

from baseten_perf.operations.response_body cimport decoded

cpdef tuple read(object completion, Py_ssize_t count)
