# For compiled modules: it calls what it waits for as C functions.

from baseten_perf.execution.call cimport Call

cpdef object run(Call call)
