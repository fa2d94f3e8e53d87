"""Checks the number reader on millions of decimals chosen to be rounded wrongly; not collected by pytest.

    python tests/engine/adversarial_floats.py 50        # millions, for each kernel

Each is compared, bit by bit, with numpy.float32(float(text)). The decimals lie where roundings differ: on float32
midpoints and within a few double ulps of them, in up to 24 digits or many more, at the ends of float32's range, and
around the powers of ten where the reader changes its way. Half of them have the form that kernels read by themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy

from baseten_perf.engine._engine import ReaderDriver, supported_kernels, use_kernel

read_rows = ReaderDriver().fill

PORTION = 20000


NEAR = [-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3]
FAR = [*NEAR, *range(-30, -3), *range(4, 31)]  # beyond what the kernels hold to be in doubt


def midpoints(chance: numpy.random.Generator, low: float, high: float, steps: list[int]) -> numpy.ndarray:
    """Doubles half-way between two neighbouring float32s, moved by some of `steps` double ulps."""
    exponents = chance.uniform(low, high, PORTION)
    largest = numpy.finfo(numpy.float32).max
    below = numpy.minimum(10.0**exponents, largest).astype(numpy.float32)
    with numpy.errstate(over="ignore"):
        above = numpy.nextafter(below, numpy.float32(numpy.inf)).astype(numpy.float64)
    # The one above float32's largest would be 2.0**128.
    middle = (below.astype(numpy.float64) + numpy.minimum(above, 2.0**128)) / 2
    moved = middle.view(numpy.int64) + chance.choice(steps, PORTION)
    return moved.view(numpy.float64) * chance.choice([-1.0, 1.0], PORTION)


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
    plain = [(-1, 0), (-2, -1), (-4, -2), (0, 0.999), (-7, -4), (-3, 0.999), (-2, 0), (-12, -7), (-1.5, -0.5)]
    while True:
        for (low, high), (plain_low, plain_high) in zip(ranges, plain, strict=True):
            values = midpoints(chance, low, high, NEAR).tolist()
            ways = chance.integers(0, 6, PORTION).tolist()
            yield [written(value, way) for value, way in zip(values, ways, strict=True)]
            values = midpoints(chance, plain_low, plain_high, FAR).tolist()
            digits = chance.integers(14, 26, PORTION).tolist()
            yield [format(value, f".{count}f") for value, count in zip(values, digits, strict=True)]


def check(texts: list[str], comma: str) -> None:
    with numpy.errstate(over="ignore"):
        expected = numpy.array([float(text) for text in texts]).astype(numpy.float32)
    body = b'{"data":[{"embedding":[' + comma.join(texts).encode() + b"]}]}"
    got = numpy.empty_like(expected)
    for kernel in supported_kernels():
        use_kernel(kernel)
        got[:] = -1
        assert read_rows([body], memoryview(got).cast("B"), 1) == (1, len(texts))
        wrong = numpy.flatnonzero(expected.view(numpy.uint32) != got.view(numpy.uint32))
        if len(wrong):
            for i in map(int, wrong[:10]):
                print(f"{texts[i]}: {got[i]!r} instead of {expected[i]!r}")
            raise SystemExit(f"{len(wrong)} of {len(texts)} numbers are wrong with the kernel {kernel}")


def main() -> None:
    wanted = int(float(sys.argv[1]) * 1_000_000)
    checked = 0
    chance = numpy.random.default_rng(wanted)
    for texts in portions(chance):
        check(texts[: wanted - checked], chance.choice([",", ", ", ",\n        "]))
        checked += min(len(texts), wanted - checked)
        if checked == wanted:
            break
    print(f"{checked} numbers are as numpy has them, with each of the kernels {', '.join(supported_kernels())}")


if __name__ == "__main__":
    main()
