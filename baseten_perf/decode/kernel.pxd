"""The decoders' inner loops: which there are, and which is in use in this module."""

cdef extern from "decode/kernels/kernel.hpp" namespace "baseten" nogil:
    cppclass Kernel:
        const char *name
        bint supported()
    const Kernel kernels[1]
    const size_t kernel_count
    const Kernel *kernel_in_use "baseten::kernel"
    bint choose_kernel(const char *name)
    const char *wanted_kernel()
