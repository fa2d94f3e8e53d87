"""Numbers of vectors: bit-equal to numpy.float32(float(text)), however the text is cut; malformed ones are errors."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from baseten_perf.engine._engine import ReaderDriver

read_embeddings = ReaderDriver().read

pytestmark = pytest.mark.usefixtures("kernel")

SHAPES: list[str] = """
0 -0 0.0 -0.0 0e0 -0e-0 0.000 0e999 -0E+99999999999999999999 1 -1 9 10 123456789 1e0 1E0 1e+0 1e-0 1.0e1 -1.5E-3 1e00005
0.1 0.2 0.3 0.30000000000000004 3.141592653589793 2.718281828459045235360287471352662497757
16777216 16777217 16777218 16777219 33554433 9007199254740993 18446744073709551615 18446744073709551616
99999999999999999999999999999999999999 123456789012345678901234567890 1e22 1e23 1e-22 1e-23 8.5e-23
340282346638528859811704183484516925440 3.4028234663852886e38 3.4028235677973362e+38 3.4028235677973366e+38
3.4028235677973367e+38 3.40282357e38 -3.4028236e38 1e39 -1e39 1e308 1.7976931348623157e308 -1.7976931348623157e+308
1.1754943508222875e-38 1.17549435e-38 1.1754942e-38 1.1754943508222874e-38 1e-38 1e-40 1e-44 1.4e-45
7.006492321624086e-46 7.006492321624085e-46 7.006492321624087e-46 7e-46 1e-46 -1e-46
2.1e-45 5e-324 4.9e-324 2.4e-324 2.5e-324 1e-400 -1e-999
2.2250738585072014e-308 2.2250738585072011e-308 1e-99999999999 0.000000000000000000000000000000000000000000001401298464
1.00000005960464477539062499999 1.000000059604644775390625 1.00000005960464477539062500001 1.0000001788139343
0.00000000000000000000001 0.1e1 100e-2 1234567890123456789e-19 1234567890123456789012e-22 0.000001e6
""".split()  # noqa: SIM905
LONG = [
    "0." + "3" * 900,
    "0." + "0" * 900 + "1",
    "1" + "0" * 300,
    "1" + "0" * 308 + "." + "0" * 300,
    "9" * 38 + "." + "9" * 400,
    "1.000000059604644775390625" + "0" * 700,
    "1.000000059604644775390625" + "0" * 700 + "1",
    "1." + "9" * 800 + "e-5",
    "0" + "." + "0" * 300 + "1e300",
    "5" + "0" * 500 + "e-500",
]
MALFORMED: list[str] = """
01 -01 00 -00 1. -1. .5 -.5 +1 - -- 1e 1e+ 1e- 1.e5 1.5e 0x10 1_000 NaN nan Infinity -Infinity inf null true false
1.5.2 1e5.5 1e5e5 1-2 1+2 -+1 --1 e5 E 1f 0.1f 0b1 \u0661 {} {"a":1} [] [1] "1" "" '1' 1;2 1:2 ,
""".split()  # noqa: SIM905
TOO_LARGE = ["1e309", "-1e309", "1e999", "1.8e308", "1" + "0" * 309, "0.1e310", "1e99999999999999999999", "-9e9999"]


def values_of(texts: list[str], size: int = 4096) -> numpy.ndarray:
    body = b'{"data":[{"embedding":[' + ",".join(texts).encode() + b"]}]}"
    vectors, skeleton = read_embeddings([body[i : i + size] for i in range(0, len(body), size)], 1)
    assert skeleton == b'{"data":[{"embedding":0}]}'
    return numpy.array(vectors[0], dtype=numpy.float32)


def assert_as_numpy(texts: list[str], size: int = 4096) -> None:
    with numpy.errstate(over="ignore"):
        expected = numpy.array([float(text) for text in texts]).astype(numpy.float32)
    got = values_of(texts, size)
    wrong = numpy.flatnonzero(expected.view(numpy.uint32) != got.view(numpy.uint32))
    assert len(got) == len(expected) and not len(wrong), [
        (texts[i], expected[i], got[i]) for i in map(int, wrong[:5])
    ]


@pytest.mark.parametrize("text", SHAPES + LONG, ids=lambda text: text[:40])
def test_shapes(text: str) -> None:
    for size in (1, 2, 3, 7, 64, 4096):
        assert_as_numpy([text, text, "1", text], size)


@pytest.mark.parametrize("text", MALFORMED + TOO_LARGE, ids=lambda text: text[:20])
def test_errors(text: str) -> None:
    for body in (f'{{"data":[{{"embedding":[{text}]}}]}}', f'{{"data":[{{"embedding":[1, {text} ,2]}}]}}'):
        octets = body.encode()
        for size in (1, 2, 3, 7, 64, 4096):
            with pytest.raises(ValueError, match=r"^vector 0: "):
                read_embeddings([octets[i : i + size] for i in range(0, len(octets), size)], 4)


@pytest.mark.parametrize("array", ["[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1}", "[1,2", "[1]]", "[-]", "[1,2,]"])
def test_brackets_and_commas(array: str) -> None:
    body = f'{{"data":[{{"embedding":{array}}}]}}'.encode()
    for step in (1, 2, 3, 5, 7, 64, 4096):
        try:
            _, skeleton = read_embeddings([body[i : i + step] for i in range(0, len(body), step)], 4)
        except ValueError as refused:
            assert str(refused).startswith("vector 0: "), step
        else:
            # Whoever parses this refuses it.
            assert array == "[1]]" and skeleton == b'{"data":[{"embedding":0]}]}', step


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_float32_in_several_notations(size: int) -> None:
    chance = numpy.random.default_rng(1)
    bits = chance.integers(0, 2**32, 1500, dtype=numpy.uint64).astype(numpy.uint32)
    floats = bits.view(numpy.float32)
    floats = floats[numpy.isfinite(floats)]
    notations: list[Callable[[numpy.float32], str]] = [
        lambda value: repr(float(value)),
        lambda value: str(value),
        lambda value: format(float(value), ".9g"),
        lambda value: format(float(value), ".17e"),
        lambda value: format(float(value), ".25g"),
    ]
    for notation in notations:
        texts = [notation(value) for value in floats]
        assert_as_numpy(texts, size)
        assert numpy.array_equal(values_of(texts, size), floats)


ODD = """
5e-05 -5.123456789012345e-05 1.5E3 12.5 -12.5 100 0 -0 -7 0.0 -0.0 -0.00000 9.999999999999999
0.1234567890123456789012345 0.000000000000000000000001 -9.000000000000000000000001 0.00000000000000000000000
0.99999999999999999999999999999999999999 1.000000059604644775390625 1.00000005960464477539062
1.00000005960464477539063 -5.00000023841857910156250 0.5000000298023223876953125 0.50000002980232238769531
0.50000002980232238769532 9.99999952316284179687500 3.0000001192092896
""".split()  # noqa: SIM905
WRONG: list[str] = """
/.5 :.5 0/5 0,5.5.5 -/.5 1.2.3 0.1-2 -.5 .5 1. -1. 0.12e 0.1e+ --1.5 -0.-1 0.1x x.1 0x.1 0.1/ 0.1: 0.1;0 00.5 -01.5
0.000000000000000000000000x 0.x00000000000000000000000 0.12345678/01234567 0.1234567:901234567 0.123\x00 1.5,, nan true
""".split()  # noqa: SIM905


@pytest.mark.parametrize("text", ODD)
def test_an_odd_number_among_plain_ones(text: str) -> None:
    """Numbers that a kernel does not take, in each place of a group, alone and in company, and groups of only them."""
    plain = [f"{(-1) ** k * k / 7919:.{15 + k % 8}f}" for k in range(1, 80)]
    for place in range(30, 39):
        texts = [*plain[:place], text, *plain[place : place + 4], text, text, *plain[place:], *[text] * 9]
        with numpy.errstate(over="ignore"):
            expected = numpy.array([float(each) for each in texts]).astype(numpy.float32)
        for comma in (",", ", ", " ,", ",  ", ",\r\n\t\t", f",\n{' ' * 30}", f",{' ' * 32}", f",{' ' * 33}"):
            body = b'{"data":[{"embedding":[' + comma.join(texts).encode() + b"]}]}"
            vectors, _ = read_embeddings([body], 1)
            assert numpy.array(vectors[0], numpy.float32).tobytes() == expected.tobytes(), (place, comma)


@pytest.mark.parametrize("text", WRONG)
def test_no_number_among_plain_ones(text: str) -> None:
    plain = [f"{k / 7919:.17f}" for k in range(80)]
    for comma in (",", ", ", ",\n        "):
        for place in range(30, 39):
            body = b'{"data":[{"embedding":[' + comma.join([*plain[:place], text, *plain]).encode() + b"]}]}"
            with pytest.raises(ValueError, match=r"^vector 0: "):
                read_embeddings([body], 1)


OTHERS = ["\n", "\n-", "\n        -", "\n        1", "-1.5", "1 1.5", "- 1.5", "\t\t1.5", " ", "0", "1", "-", "12"]


@pytest.mark.parametrize("spaces", OTHERS, ids=repr)
@pytest.mark.parametrize("white", [" ", "\n ", "\n         "], ids=repr)
def test_what_stands_in_the_place_of_white_space(white: str, spaces: str) -> None:
    """Among numbers with white space in front of each, one with other or less is still read from its beginning."""
    plain = [f"{white}{k / 7919:.17f}" for k in range(80)]
    for place in range(30, 39):
        texts = [*plain[:place], f"{spaces}1.25", *plain[:6], f"{spaces}2.25", *plain]
        body = '{"data":[{"embedding":[' + ",".join(texts) + "]}]}"
        try:
            expected = json.loads(body)["data"][0]["embedding"]
        except json.JSONDecodeError:
            with pytest.raises(ValueError, match=r"^vector 0: "):
                read_embeddings([body.encode()], 1)
        else:
            vectors, _ = read_embeddings([body.encode()], 1)
            assert numpy.array_equal(numpy.array(vectors[0]), numpy.array(expected, numpy.float32))


def test_random_decimals() -> None:
    chance = random.Random(3)
    texts = []
    for _ in range(20000):
        digits = "".join(chance.choices("0123456789", k=chance.randint(1, 30)))
        point = chance.randint(0, len(digits))
        text = (digits[:point].lstrip("0") or "0") + ("." + digits[point:] if point < len(digits) else "")
        exponent = f"e{chance.randint(-60, 50)}" if chance.random() < 0.5 else ""
        texts.append(chance.choice(("", "-")) + text + exponent)
    assert_as_numpy(texts)


def test_adversarial_floats() -> None:
    program = Path(__file__).with_name("adversarial_floats.py")
    ended = subprocess.run(
        [sys.executable, str(program), "0.2"], capture_output=True, text=True, timeout=100
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "200000 numbers" in ended.stdout
