"""Answers in MessagePack: vectors as arrays of float32, everything else as Python has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import numpy

MSGPACK = "application/msgpack"


def packed(answer: Any) -> bytes:
    """The answer as a MessagePack document; its one-dimensional numpy arrays become arrays of float32."""
    return b"".join(pieces(answer, msgpack.Packer()))


def pieces(value: Any, packer: msgpack.Packer) -> Iterator[bytes]:
    """The document piece by piece."""
    if isinstance(value, dict):
        yield packer.pack_map_header(len(value))
        for key, item in value.items():
            yield packer.pack(key)
            yield from pieces(item, packer)
    elif isinstance(value, list):
        yield packer.pack_array_header(len(value))
        for item in value:
            yield from pieces(item, packer)
    elif isinstance(value, numpy.ndarray):
        elements = numpy.empty(len(value), dtype=[("marker", "u1"), ("number", ">f4")])
        elements["marker"] = 0xCA
        elements["number"] = value
        yield packer.pack_array_header(len(value))
        yield elements.tobytes()
    else:
        yield packer.pack(value)
