# For compiled modules: they call it as a C function.

from baseten_perf.operations._json cimport orjson_may_read
from baseten_perf.operations.quick_json cimport is_to_read

cpdef object decoded(object completion)
