"""Vectors as base64: decoded when they are whole float32s in canonical form, left as they are otherwise."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf.engine._engine import ReaderDriver

read_embeddings = ReaderDriver().read

pytestmark = pytest.mark.usefixtures("kernel")

Read = Callable[..., Any]
Sizes = tuple[int, ...]


def answer(*texts: str) -> bytes:
    items = ",".join(f'{{"embedding":"{text}","index":{k}}}' for k, text in enumerate(texts))
    return f'{{"object":"list","data":[{items}],"model":"m"}}'.encode()


@pytest.mark.parametrize("length", range(0, 37))
def test_every_length(length: int, sizes: Sizes, read: Read, reference: Read) -> None:
    octets = random.Random(length).randbytes(length)
    text = base64.b64encode(octets).decode()
    body = answer(text, "AACAPw==", text)
    wanted = reference(body)
    for size in sizes:
        assert read(body, size) == wanted, size
    vectors, skeleton = read_embeddings([body], 3)
    # No float32, and so an empty vector, is in an empty text.
    decoded = length % 4 == 0
    assert len(vectors) == (3 if decoded else 1)
    if decoded:
        assert numpy.array(vectors[0], dtype="<f4").tobytes() == octets or numpy.isnan(vectors[0]).any()
    else:
        assert json.loads(skeleton)["data"][0]["embedding"] == text


@pytest.mark.parametrize("floats", [1, 2, 3, 4, 5, 383, 384, 385, 1024])
def test_dimensions(floats: int, sizes: Sizes, read: Read) -> None:
    vector = numpy.random.default_rng(floats).standard_normal(floats, dtype=numpy.float32)
    vector[0] = -0.0
    octets = vector.astype("<f4").tobytes()
    body = answer(base64.b64encode(octets).decode())
    for size in sizes:
        assert read(body, size)["data"][0]["embedding"] == ("base64", octets), size


@pytest.mark.parametrize("character", [*"-_ .~*=!@[]{},:'A", "\\t", "é", "\u4e00", "\\n", "\\u0041", "\\\\"])
def test_a_character_more(character: str, read: Read, reference: Read) -> None:
    whole = base64.b64encode(bytes(range(48))).decode()
    for place in (0, 1, 15, 16, 17, 31, 40, 55, 63, 64):
        body = answer(whole[:place] + character + whole[place:], whole)
        wanted = reference(body)
        for size in (1, 3, 7, 16, 0):
            assert read(body, size) == wanted, (place, size)


@pytest.mark.parametrize("character", ["=", "-", "_", "\x7f", " ", "\u00ff", "\\u0041", '\\"', "\\\\", "\\b"])
def test_another_character(character: str, sizes: Sizes, read: Read, reference: Read) -> None:
    whole = base64.b64encode(bytes(range(48))).decode()
    for place in (0, 1, 15, 16, 17, 47, 60, 62, 63):
        body = answer(whole[:place] + character + whole[place + 1 :], whole)
        wanted = reference(body)
        for size in sizes:
            assert read(body, size) == wanted, (place, size)


@pytest.mark.parametrize(
    "text",
    [
        "AACAPw", "AACAPw=", "AACAPw===", "AACAPw==A", "AACAPx==", "AACAPwAAAEB=", "AACAPwAAAEA=",
        "AACAPwAAAEC=", "=", "==", "A=======", "AACA", "AAC=", "AA==", "A===", "A", "AA", "AAA",
        "AACAPw==AACAPw==", "AACAPwAAAEAAAEBA=", " AACAPw==", "AACAPw== ", "AACAPw=A", "AACAP=w=",
    ],
)  # fmt: skip
def test_padding(text: str, sizes: Sizes, read: Read, reference: Read) -> None:
    body = answer(text, "AACAPw==")
    wanted = reference(body)
    for size in sizes:
        assert read(body, size) == wanted, size


@pytest.mark.parametrize("size", [1, 2, 5, 16, 4096])
def test_escaped_slashes(size: int) -> None:
    """What JSON writers that escape "/" send means the same text."""
    octets = numpy.frombuffer(b"\xff\xff\xff\x3f" * 13, "<f4").tobytes()
    text = base64.b64encode(octets).decode()
    assert "/" in text
    body = answer(text.replace("/", "\\/"))
    vectors, skeleton = read_embeddings([body[i : i + size] for i in range(0, len(body), size)], 1)
    found = json.loads(skeleton)["data"][0]["embedding"]
    if vectors:
        assert found == -1 and numpy.array(vectors[0], dtype="<f4").tobytes() == octets
    else:
        assert found == text


@pytest.mark.parametrize("step", [1, 2, 3, 7, 11, 64])
def test_a_text_that_ends_with_the_body(step: int) -> None:
    whole = answer(base64.b64encode(bytes(range(24))).decode())
    for cut in range(1, 40, 3):
        body = whole[: whole.index(b'g":"') + 4 + cut]
        with pytest.raises(ValueError, match=r"the body ends inside a vector|JSON|Expecting|Unterminated"):
            _, skeleton = read_embeddings([body[i : i + step] for i in range(0, len(body), step)], 1)
            json.loads(skeleton)
