# For compiled modules: they call it as a C function.

from baseten_perf.operations.columns cimport elements, listed
from baseten_perf.operations.texts cimport plain_texts

cpdef object texts_or_tokens(str name, value)
