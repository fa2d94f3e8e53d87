"""Checks the number reader on millions of decimals chosen to be rounded wrongly; not collected by pytest.

    python tests/engine/adversarial_floats.py 50        # millions

Each is compared, bit by bit, with numpy.float32(float(text)). The decimals lie where roundings differ: on float32
midpoints and within a few double ulps of them, in up to 19 digits or many more, at the ends of float32's range, and
around the powers of ten where the reader changes its way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy

from baseten_perf.decode._decode import read_embeddings

PORTION = 20000


def midpoints(chance: numpy.random.Generator, count: int, low: float, high: float) -> numpy.ndarray:
    """Doubles half-way between two neighbouring float32s, moved by -3 to 3 double ulps; most of them by -1, 0 or 1."""
    exponents = chance.uniform(low, high, count)
    largest = numpy.finfo(numpy.float32).max
    below = numpy.minimum(10.0**exponents, largest).astype(numpy.float32)
    with numpy.errstate(over="ignore"):
        above = numpy.nextafter(below, numpy.float32(numpy.inf)).astype(numpy.float64)
    # The one above float32's largest would be 2.0**128.
    middle = (below.astype(numpy.float64) + numpy.minimum(above, 2.0**128)) / 2
    steps = chance.choice([-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3], count)
    return (middle.view(numpy.int64) + steps).view(numpy.float64) * chance.choice([-1.0, 1.0], count)


def written(value: float, way: int) -> str:
    """The double in one of several notations, not all of which read back to the same double."""
    if way == 0:
        return repr(value)
    if way == 1:
        return format(value, ".18e")  # nineteen digits, the most that the reader takes as they are
    if way == 2:
        return format(value, ".40e")
    if way == 3:
        return format(value, ".19e")  # one digit more than that
    digits, _, exponent = format(value, ".17e").partition("e")
    whole, _, fraction = digits.partition(".")
    if way == 4:
        return f"{whole}{fraction}e{int(exponent) - len(fraction)}"
    return f"{whole}.{fraction}{'0' * 30}1e{int(exponent)}"


def portions(chance: numpy.random.Generator) -> Iterator[list[str]]:
    ranges = [(-1, 0), (-3, 3), (-8, 8), (-20, 20), (-37.9, 38.4), (-44.8, -37), (38.2, 38.5), (21, 24), (-24, -21)]
    while True:
        for low, high in ranges:
            values = midpoints(chance, PORTION, low, high)
            ways = chance.integers(0, 6, PORTION)
            yield [written(value, way) for value, way in zip(values.tolist(), ways.tolist(), strict=True)]


def check(texts: list[str]) -> None:
    with numpy.errstate(over="ignore"):
        expected = numpy.array([float(text) for text in texts]).astype(numpy.float32)
    body = b'{"data":[{"embedding":[' + ",".join(texts).encode() + b"]}]}"
    vectors, _ = read_embeddings([body], 1)
    got = numpy.array(vectors[0]).astype(numpy.float32)
    wrong = numpy.flatnonzero(expected.view(numpy.uint32) != got.view(numpy.uint32))
    if len(wrong):
        for i in map(int, wrong[:10]):
            print(f"{texts[i]}: {got[i]!r} instead of {expected[i]!r}")
        raise SystemExit(f"{len(wrong)} of {len(texts)} numbers are wrong")


def main() -> None:
    wanted = int(float(sys.argv[1]) * 1_000_000)
    checked = 0
    for texts in portions(numpy.random.default_rng(wanted)):
        check(texts[: wanted - checked])
        checked += min(len(texts), wanted - checked)
        if checked == wanted:
            break
    print(f"{checked} numbers are as numpy has them")


if __name__ == "__main__":
    main()
