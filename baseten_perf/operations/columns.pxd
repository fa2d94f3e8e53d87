# For compiled modules: they call these as C functions.

cpdef object listed(value)
cpdef object elements(value)
