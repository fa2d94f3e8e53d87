from collections.abc import Iterable

_Buffer = bytes | bytearray | memoryview

def read_embeddings(
    pieces: Iterable[_Buffer], most: int, msgpack: bool = False
) -> tuple[list[list[float]], bytes]: ...
def read_rows(
    pieces: Iterable[_Buffer], rows: bytearray | memoryview, most: int, msgpack: bool = False, repeats: int = 1
) -> tuple[int, int]:
    """Read an answer of equally long vectors into `rows`, a writable buffer of float32, as the engine fills a matrix.

    `most` vectors must fit there.  Reads `repeats` times, for measurements: `pieces` must then be a list.  Returns
    (vectors, dimension); raises ValueError with the reader's words, or when the vectors differ in length or do not fit.
    """

def says_msgpack(line: bytes) -> bool | None: ...
def supported_kernels() -> tuple[str, ...]: ...
def kernel() -> str: ...
def use_kernel(name: str) -> None: ...
