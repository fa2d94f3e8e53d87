"""Readers look at nothing outside the piece that they are fed, and write nothing outside their rows.

Pages without access lie directly before and behind both: a reader that strays ends the process.
"""

from __future__ import annotations

import base64
import ctypes
import json
import mmap
from collections.abc import Callable, Iterator, Sequence

import msgpack
import numpy
import pytest

from baseten_perf.engine._engine import ReaderDriver

reader = ReaderDriver()
read_embeddings, read_rows = reader.read, reader.fill

pytestmark = pytest.mark.usefixtures("kernel")

Rows = Sequence[numpy.ndarray]
Form = Callable[[Rows], bytes]
Place = Callable[["Guarded", int], memoryview]

libc = ctypes.CDLL(None, use_errno=True)
NO_ACCESS = 0


class Guarded:
    """Memory between two pages without access."""

    def __init__(self, size: int) -> None:
        pages = max(1, -(-size // mmap.PAGESIZE))
        self.map = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        for page in (0, pages + 1):
            place = ctypes.c_void_p(address + page * mmap.PAGESIZE)
            assert libc.mprotect(place, ctypes.c_size_t(mmap.PAGESIZE), NO_ACCESS) == 0
        self.inner = memoryview(self.map)[mmap.PAGESIZE : (pages + 1) * mmap.PAGESIZE]

    def first(self, size: int) -> memoryview:
        return self.inner[:size]

    def last(self, size: int) -> memoryview:
        return self.inner[len(self.inner) - size :]


def guarded(body: bytes, size: int, at: Place) -> Iterator[memoryview]:
    """Pieces of `size` bytes of the body, each in its turn in the same guarded memory."""
    memory = Guarded(size)
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        place = at(memory, len(piece))
        place[:] = piece
        yield place


def vectors(count: int, dimension: int) -> numpy.ndarray:
    return (numpy.random.default_rng(dimension).standard_normal((count, dimension)) / 20).astype(numpy.float32)


def numbers(rows: Rows) -> list[list[float]]:
    return [row.tolist() for row in rows]


def answer(embeddings: Sequence[object]) -> dict[str, object]:
    return {"object": "list", "data": [{"index": k, "embedding": each} for k, each in enumerate(embeddings)]}


def compact(rows: Rows) -> bytes:
    return json.dumps(answer(numbers(rows)), separators=(",", ":")).encode()


def spaced(rows: Rows) -> bytes:
    return json.dumps(answer(numbers(rows))).encode()


def indented(rows: Rows) -> bytes:
    return json.dumps(answer(numbers(rows)), indent=3).encode()


def short(rows: Rows) -> bytes:
    return json.dumps(answer([[float(str(value)) for value in row] for row in rows]), separators=(",", ":")).encode()


def in_base64(rows: Rows) -> bytes:
    return json.dumps(answer([base64.b64encode(row.astype("<f4").tobytes()).decode() for row in rows])).encode()


def bare(rows: Rows) -> bytes:
    """The numbers of the first and the last vector touch the ends of the body as nearly as they can."""
    return b'{"data":[' + b",".join(b'{"embedding":%s}' % json.dumps(row).encode() for row in numbers(rows)) + b"]}"


def packed32(rows: Rows) -> bytes:
    return bytes(msgpack.packb(answer(numbers(rows)), use_single_float=True))


def packed64(rows: Rows) -> bytes:
    return bytes(msgpack.packb(answer(numbers(rows))))


def packed_base64(rows: Rows) -> bytes:
    return bytes(msgpack.packb(answer([base64.b64encode(row.astype("<f4").tobytes()).decode() for row in rows])))


FORMS = [compact, spaced, indented, short, in_base64, bare, packed32, packed64, packed_base64]
SIZES = [*range(1, 24), 31, 32, 33, 63, 64, 65, 71, 72, 73, 95, 97, 104, 127, 128, 129, 159, 192, 200, 511, 1100, 5000]


@pytest.mark.parametrize("at", [Guarded.first, Guarded.last], ids=["first", "last"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_in_place(form: Form, at: Place) -> None:
    packed = form.__name__.startswith("packed")
    for dimension in (1, 2, 3, 5, 16, 61, 130):
        rows = vectors(4, dimension)
        body = form(rows)
        memory = Guarded(rows.nbytes)
        for size in [*SIZES, len(body)]:
            block = at(memory, rows.nbytes)
            block[:] = bytes(rows.nbytes)
            assert read_rows(guarded(body, size, at), block, 4, packed) == (4, dimension), size
            assert bytes(block) == rows.tobytes(), (dimension, size)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_cut(form: Form) -> None:
    """The body in two pieces, wherever it is cut: the first ends, the second begins at a page without access."""
    rows = vectors(2, 21)
    body = form(rows)
    first, second, memory = Guarded(len(body)), Guarded(len(body)), Guarded(rows.nbytes)
    block = memory.last(rows.nbytes)
    for cut in range(len(body) + 1):
        pieces = [first.last(cut), second.first(len(body) - cut)]
        pieces[0][:], pieces[1][:] = body[:cut], body[cut:]
        block[:] = bytes(rows.nbytes)
        assert read_rows(pieces, block, 2, form.__name__.startswith("packed")) == (2, 21)
        assert bytes(block) == rows.tobytes()


BROKEN_OFF = ["", ",", ", ", "-", "[", '"', "0.", "1.5,-", ",,", ", ,", ",,,,", ", , , ,", "0.5,", "0.5, "]


@pytest.mark.parametrize("separator", [",", ", ", ",\n        "], ids=["compact", "spaced", "indented"])
def test_an_array_that_breaks_off(separator: str) -> None:
    """What follows sixty good numbers is the last that there is to read, wherever the blocks of 64 characters end."""
    start = b'{"data":[{"embedding":[' + separator.join(["-0.012345678901234567"] * 60).encode()
    memory = Guarded(len(start) + 80)
    for text in BROKEN_OFF:
        for digits in range(1, 65):
            body = start + f"{separator}0.{'7' * digits}{text}".encode()
            whole = memory.last(len(body))
            whole[:] = body
            with pytest.raises(ValueError, match=r"^vector 0: "):
                read_embeddings([whole], 1)
        for size in (64, 100, 1000):
            with pytest.raises(ValueError, match=r"^vector 0: "):
                read_embeddings(guarded(body, size, Guarded.last), 1)


@pytest.mark.parametrize("size", [64, 1000, 1 << 20])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_vector_longer_than_its_row(form: Form, size: int) -> None:
    """The last vector leaves the rows; nothing is written behind them, and nothing of it is lost."""
    ragged = [*vectors(2, 33), vectors(1, 48)[0]]
    body = form(ragged)
    size = min(size, len(body))
    block = Guarded(3 * 33 * 4).last(3 * 33 * 4)
    packed = form.__name__.startswith("packed")
    with pytest.raises(ValueError, match=r"^the vectors do not fit the rows$"):
        read_rows(guarded(body, size, Guarded.last), block, 3, packed)
    found, _ = read_embeddings(guarded(body, size, Guarded.last), 3, packed)
    assert [numpy.array(row, numpy.float32).tobytes() for row in found] == [row.tobytes() for row in ragged]
