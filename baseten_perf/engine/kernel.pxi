# The inner loops of this module's decoders: chosen here when it is imported, by what the machine can do.

cdef extern from "decode/kernels/kernel.hpp" namespace "baseten" nogil:
    cppclass Kernel:
        const char *name
    const Kernel *kernel_in_use "baseten::kernel"
    bint choose_kernel(const char *name)
    const char *wanted_kernel()

if not choose_kernel(wanted_kernel()):
    raise ImportError(
        f"BASETEN_PERF_KERNEL={wanted_kernel().decode(errors='replace')}: this machine supports no kernel of that name"
    )


def kernel() -> str:
    """Name of the kernel that decodes embeddings in this process, such as "avx2"; the one for any machine is "portable"."""
    return kernel_in_use.name.decode()
