# The inner loops of this module's decoders, chosen at start-up by what the machine can do.



def kernel() -> str:
    """Name of the kernel that decodes embeddings in this process, such as "avx2"; the one for any machine is "portable"."""
    return kernel_in_use.name.decode()


def supported_kernels() -> tuple:
    """Names of the kernels that this machine supports, the best first."""
    return tuple([kernels[k].name.decode() for k in range(kernel_count) if kernels[k].supported()])


def use_kernel(name: str) -> None:
    """Decode with the kernel of that name, or with the best one for "". For tests: nothing may be in flight.

    Raises ValueError when this machine supports no such kernel.
    """
    if not choose_kernel(name.encode()):
        raise ValueError(f"{name}: this machine supports the kernels {', '.join(supported_kernels())}")
