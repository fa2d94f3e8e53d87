"""Arrow exports are released in any order, in any thread, or never imported at all, and their memory is freed then.

The consumer is written here, by the letter of the C data interface, so that no library's habits are relied upon.
"""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from typing import Any

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(8)]
DIM = 384


class Struct(ctypes.Structure):
    """An ArrowArray."""


RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Struct))  # called without the GIL
Struct._fields_ = [
    *[(name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")],
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Struct))),
    ("dictionary", ctypes.c_void_p),
    ("release", RELEASE),
    ("private_data", ctypes.c_void_p),
]
pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
pointer_in.restype, pointer_in.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class Out(numpy.ndarray):
    """An array that can be referred to weakly: it goes when the last export of it is released."""


def moved(source: Struct) -> Struct:
    """The struct as a consumer takes it over."""
    taken = Struct.from_buffer_copy(source)
    source.release = RELEASE()
    return taken


def imported(capsule: Any) -> Struct:
    return moved(Struct.from_address(pointer_in(capsule, b"arrow_array")))


def release(struct: Struct) -> None:
    struct.release(ctypes.byref(struct))
    assert not struct.release, "it is marked as released"


def export(client: PerformanceClient) -> tuple[Any, weakref.ref[Out]]:
    out = numpy.zeros((8, DIM), numpy.float32).view(Out)
    _, capsule = client.embed(TEXTS, "m", out=out).__arrow_c_array__()
    return capsule, weakref.ref(out)


def floats_of(child: Struct) -> Any:
    assert (child.length, child.null_count, child.offset, child.n_buffers, child.n_children) == (8 * DIM, 0, 0, 2, 0)
    assert child.buffers[0] is None
    values = (ctypes.c_float * child.length).from_address(child.buffers[1])
    return numpy.frombuffer(values, numpy.float32).reshape(8, DIM)


def main() -> None:
    expected = embeddings(TEXTS)
    with Server() as server:
        client = PerformanceClient(server.url, "key")

        for _ in range(50):
            capsule, alive = export(client)  # never imported
            assert alive() is not None
            del capsule
            assert alive() is None

            capsule, alive = export(client)
            array = imported(capsule)
            del capsule  # what has been moved out is none of its business
            assert (array.length, array.null_count, array.n_buffers, array.n_children) == (8, 0, 1, 1)
            child = moved(array.children[0].contents)
            release(array)  # the child outlives its parent
            gc.collect()
            assert alive() is not None
            assert numpy.array_equal(floats_of(child), expected)
            thread = threading.Thread(target=release, args=(child,))
            thread.start()
            thread.join()
            assert alive() is None

            capsule, alive = export(client)
            array = imported(capsule)
            child = moved(array.children[0].contents)
            release(child)  # or goes before it
            assert alive() is not None
            release(array)
            assert alive() is None

        capsule, alive = export(client)
        arrays = [imported(export(client)[0]) for _ in range(64)]
        threads = [threading.Thread(target=release, args=(array,)) for array in arrays]
        client.close()
        del client
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for array in arrays:
            assert not array.release
        array = imported(capsule)
        assert numpy.array_equal(floats_of(array.children[0].contents), expected), "as long as one is left"
    global left
    left = array  # for the end of the process
    print("done")


left: Any = None
main()
