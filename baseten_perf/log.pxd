# For compiled modules: they call it as a C function.

cpdef object logger()
