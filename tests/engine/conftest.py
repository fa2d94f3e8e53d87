"""Reading embeddings answers with the native reader, and with json and numpy to compare."""

from __future__ import annotations

import base64
import binascii
import json
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy
import pytest

from baseten_perf.engine._engine import ReaderDriver, supported_kernels, use_kernel

read_embeddings = ReaderDriver().read

Read = Callable[..., Any]


def pieces(body: bytes, size: int) -> Iterable[bytes]:
    """The body cut every `size` bytes; in random places for 0."""
    if size:
        return [body[start : start + size] for start in range(0, len(body), size)]
    chance = random.Random(len(body))
    return [body[start:end] for start, end in cuts(len(body), chance)]


def cuts(length: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    start = 0
    while start < length:
        end = min(length, start + chance.choice((0, 1, 1, 2, 3, 5, 16, 40, 300)))
        yield start, end
        start = end


def restored(body: bytes, size: int = 0, most: int = 1000) -> Any:
    """The JSON value that the reader saw: its skeleton with the vectors put back as bytes of float32."""
    vectors, skeleton = read_embeddings(pieces(body, size), most)
    rows = [numpy.array(vector, dtype="<f4").tobytes() for vector in vectors]
    value = json.loads(skeleton)
    taken = []
    for item in value.get("data") or [] if isinstance(value, dict) and isinstance(value.get("data"), list) else []:
        if isinstance(item, dict) and isinstance(item.get("embedding"), int):
            k = item["embedding"]
            taken.append(k if k >= 0 else -1 - k)
            item["embedding"] = ("floats" if k >= 0 else "base64", rows[taken[-1]])
        elif isinstance(item, dict) and b"\\" in body and isinstance(item.get("embedding"), str):
            # Base64 in which a character is escaped may be decoded or be left to whoever parses the skeleton.
            item["embedding"] = expected_vector(item["embedding"])
    assert taken == list(range(len(rows))), "each vector has its place"
    return value


def expected(body: bytes) -> Any:
    """The same from json and numpy."""
    value = json.loads(body)
    for item in value["data"] if isinstance(value, dict) and isinstance(value.get("data"), list) else []:
        if isinstance(item, dict) and "embedding" in item:
            item["embedding"] = expected_vector(item["embedding"])
    return value


def expected_vector(value: Any) -> Any:
    if isinstance(value, list):
        with numpy.errstate(over="ignore"):
            return "floats", numpy.array([float(number) for number in value]).astype("<f4").tobytes()
    if isinstance(value, str):
        try:
            octets = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
        if len(octets) % 4 == 0 and base64.b64encode(octets).decode() == value:
            return "base64", octets
    return value


@pytest.fixture(scope="session")
def read() -> Read:
    return restored


@pytest.fixture(scope="session")
def reference() -> Read:
    return expected


@pytest.fixture(scope="session")
def sizes() -> tuple[int, ...]:
    """How many bytes of the body arrive at a time, one after the other; 0: at random."""
    return 1, 2, 3, 7, 64, 4096, 0


@pytest.fixture(scope="module", params=supported_kernels())
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kernel that the readers use, one after the other."""
    use_kernel(request.param)
    yield str(request.param)
    use_kernel("")
