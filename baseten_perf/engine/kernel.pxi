# The inner loops of this module's decoders, chosen at start-up by what the machine can do.

cdef extern from "kernel.hpp" namespace "baseten" nogil:
    cppclass Kernel:
        const char *name
    const Kernel *kernel_in_use "baseten::kernel"
    bint choose_kernel(const char *name)
    const char *wanted_kernel()


def kernel() -> str:
    """Name of the kernel that decodes embeddings in this process: avx2, sse41, neon or portable."""
    return kernel_in_use.name.decode()
