# For compiled modules: they call these as C functions.

from baseten_perf.operations.columns cimport elements

cpdef object checked_texts(str name, value)
cpdef object plain_texts(str name, texts)
