"""The native reader of MessagePack answers: any chunking, any document, any damage."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgpack
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baseten_perf.engine._engine import ReaderDriver

read_embeddings = ReaderDriver().read

pytestmark = pytest.mark.usefixtures("kernel")

bounded = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def read(body: bytes, size: int = 1 << 20, most: int = 1000) -> tuple[list[list[float]], Any]:
    """Read a body in pieces of `size` bytes; the skeleton comes decoded."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    vectors, skeleton = read_embeddings(pieces, most, msgpack=True)
    return vectors, unpacked(skeleton)


def unpacked(text: bytes) -> Any:
    return msgpack.unpackb(text, strict_map_key=False, ext_hook=lambda kind, content: (kind, content))


def answer(*embeddings: Any) -> dict[str, Any]:
    items = [{"object": "embedding", "index": k, "embedding": each} for k, each in enumerate(embeddings)]
    return {"object": "list", "data": items, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def encoded(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def in_float32(numbers: list[float]) -> list[float]:
    with numpy.errstate(over="ignore"):
        return [float(numpy.float32(float(number))) for number in numbers]


WHOLE = answer([0.1, -2.5, 7, -33, 2**63, 1e38], encoded(1.5, -2.5, 3.25), "no base64!", b"\0\0\x80?", [], "")


@pytest.mark.parametrize("single", [False, True])
def test_every_size_of_pieces(single: bool) -> None:
    body = msgpack.packb(WHOLE, use_single_float=single)
    expected = [in_float32([0.1, -2.5, 7, -33, 2**63, 1e38]), [1.5, -2.5, 3.25], [], []]
    document = answer(0, -2, "no base64!", b"\0\0\x80?", 2, -4)
    for size in range(1, len(body) + 1):
        assert read(body, size) == (expected, document)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (b"\x00", 0), (b"\x7f", 127), (b"\xe0", -32), (b"\xff", -1), (b"\xcc\xff", 255), (b"\xcd\xff\xfe", 65534),
        (b"\xce\xff\xff\xff\xff", 2**32 - 1), (b"\xcf" + b"\xff" * 8, 2**64 - 1), (b"\xd0\x80", -128),
        (b"\xd1\x80\x00", -(2**15)), (b"\xd2\x80\x00\x00\x00", -(2**31)), (b"\xd3\x80" + b"\0" * 7, -(2**63)),
        (b"\xcf\x00\x40\x00\x00\x40\x00\x00\x01", 2**54 + 2**30 + 1), (struct.pack(">Bf", 0xCA, 1e-45), 1e-45),
        (struct.pack(">Bd", 0xCB, 1.00000005960464477540), 1.00000005960464477540),
        (struct.pack(">Bd", 0xCB, 3.5e38), 3.5e38), (struct.pack(">Bd", 0xCB, -1e300), -1e300),
        (struct.pack(">Bd", 0xCB, -1e-300), -0.0),
    ],
)  # fmt: skip
def test_every_form_of_a_number(number: bytes, value: float) -> None:
    body = msgpack.packb(answer(None)).replace(b"\xc0", b"\x91" + number)
    ((found,),), _ = read(body)
    assert struct.pack("<d", found) == struct.pack("<d", in_float32([value])[0])


def test_nan_and_infinities() -> None:
    (found,), _ = read(msgpack.packb(answer([float("nan"), float("inf"), -float("inf")])))
    assert numpy.isnan(found[0]) and found[1:] == [numpy.inf, -numpy.inf]


@pytest.mark.parametrize("header", ["fixstr", "str8", "str16", "str32"])
def test_every_form_of_a_length(header: str) -> None:
    def text(content: bytes) -> bytes:
        size = len(content)
        if header == "fixstr":
            return bytes([0xA0 | size]) + content
        return {"str8": struct.pack(">BB", 0xD9, size), "str16": struct.pack(">BH", 0xDA, size)}.get(
            header, struct.pack(">BI", 0xDB, size)
        ) + content

    one = b"\xde\x00\x01" + text(b"embedding") + b"\xdd\x00\x00\x00\x02\x01\x02"
    other = b"\xdf\x00\x00\x00\x01" + text(b"embedding") + text(b"AACAPw==")
    body = b"\x81" + text(b"data") + b"\xdc\x00\x02" + one + other
    for size in (1, 2, 3, 100):
        assert read(body, size) == ([[1.0, 2.0], [1.0]], {"data": [{"embedding": 0}, {"embedding": -2}]})


def test_more_vectors_than_a_byte_can_number() -> None:
    texts = [encoded(k) for k in range(300)]
    vectors, document = read(msgpack.packb(answer(*([float(k)] for k in range(300)))))
    assert vectors == [[k] for k in range(300)]
    assert [item["embedding"] for item in document["data"]] == list(range(300))
    vectors, document = read(msgpack.packb(answer(*texts)), size=5)
    assert vectors == [[k] for k in range(300)]
    assert [item["embedding"] for item in document["data"]] == list(range(-1, -301, -1))


@pytest.mark.parametrize("length", range(49))
def test_texts_of_every_length(length: int) -> None:
    text = encoded(*range(12))[:length]
    is_vector = length % 16 == 0
    for size in (1, 7, 1000):
        vectors, document = read(msgpack.packb(answer(text)), size)
        assert document == answer(-1 if is_vector else text)
        assert vectors == ([[float(k) for k in range(length * 3 // 16)]] if is_vector else [])


@pytest.mark.parametrize("at", range(24))
def test_one_wrong_character(at: int) -> None:
    text = encoded(1.5, 2.5, 3.5, 4.5)
    text = text[:at] + "*" + text[at + 1 :]
    for size in (1, 5, 16, 1000):
        assert read(msgpack.packb(answer(text, [1.0])), size) == ([[1.0]], answer(text, 0))


@pytest.mark.parametrize("value", [None, True, 1, -1, 1.5, {}, {"a": [1.0]}])
def test_what_is_no_vector(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^vector 1: neither an array of numbers nor a string$"):
        read(msgpack.packb(answer([1.0], value)))


@pytest.mark.parametrize("element", [None, True, "1", b"1", [1.0], {}, msgpack.ExtType(4, b"1234")])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_element(element: Any, size: int) -> None:
    with pytest.raises(ValueError, match=r"^vector 0: an element is not a number$"):
        read(msgpack.packb(answer([1.0, 2, element, 3.0])), size)


def test_more_vectors_than_inputs() -> None:
    body = msgpack.packb(answer([1.0], [2.0], [3.0]))
    assert len(read(body, most=3)[0]) == 3
    with pytest.raises(ValueError, match=r"^vector 2: more vectors than inputs$"):
        read(body, most=2)


def test_every_cut() -> None:
    body = msgpack.packb(WHOLE)
    for end in range(len(body)):
        for size in (1, 1000):
            with pytest.raises(ValueError):
                read(body[:end], size)


def test_what_follows_is_kept() -> None:
    for rest in (b"\x01", b"\xcb\0", b"\xa9embedding\x91\x01", msgpack.packb(answer([2.0]))):
        vectors, skeleton = read_embeddings([msgpack.packb(answer([1.0])), rest], 5, msgpack=True)
        assert vectors == [[1.0]] and skeleton == msgpack.packb(answer(0)) + rest


@pytest.mark.parametrize(
    "body",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff\xa4data\xdd\xff\xff\xff\xff\xdf\xff\xff\xff\xff\xa9embedding\xdd\xff\xff\xff\xff\xca",
        b"\x81\xa4data\x91\x81\xa9embedding\xdb\xff\xff\xff\xffAAAA",
        b"\x81\xa4data\x91\x81\xa9embedding\xdd\xff\xff\xff\xff" + b"\xca\0\0\0\0" * 100,
        b"\x81\xdb\xff\xff\xff\xffdata",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ],
)
def test_lengths_are_only_claims(body: bytes) -> None:
    for size in (1, 1000):
        with pytest.raises(ValueError):
            read(body, size)


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1k", b"\x92\x01", b"\xdd\xff\xff\xff\xff", b"\x81\x91"])
def test_nesting_costs_nothing(opening: bytes) -> None:
    for before in (b"", b"\x81\xa4data", b"\x81\xa4data\x91\x81\xa5other", b"\x81"):
        body = before + opening * 200_000
        vectors, skeleton = read_embeddings([body[:7], body[7:]], 5, msgpack=True)
        assert vectors == [] and skeleton == body


def test_only_the_path_counts() -> None:
    document = {
        "embedding": [9.0],
        "x": {"data": [{"embedding": [8.0]}]},
        1: {"data": [{"embedding": [7.5]}]},
        "data": [
            {"extra": {"embedding": [7.0]}, "embedding": [1.5], "more": [{"embedding": [6.0]}], b"embedding": [3.0]}
        ],
        "usage": {"embedding": [5.0]},
    }
    for size in (1, 3, 1000):
        vectors, skeleton = read(msgpack.packb(document), size)
        assert vectors == [[1.5]]
        document["data"][0]["embedding"] = 0  # type: ignore[index]
        assert skeleton == document
        document["data"][0]["embedding"] = [1.5]  # type: ignore[index]


@pytest.mark.parametrize(
    "document",
    [
        5, "data", None, [], {}, [answer([1.0])], {"data": {}}, {"data": {"embedding": [1.0]}}, {"data": [[1.0]]},
        {"data": 1}, {"data": [1, None, "embedding", [], {}]}, {"data": []}, {"embeddings": [[1.0]]},
        {"data": [{"embeddin": [1.0]}]}, {"dat": [{"embedding": [1.0]}]}, {"data ": [{"embedding": [1.0]}]},
        {"error": {"message": "x" * 100}},
    ],
)  # fmt: skip
def test_other_documents_pass_through(document: Any) -> None:
    body = msgpack.packb(document)
    for size in (1, 4, 1000):
        assert read_embeddings([body[i : i + size] for i in range(0, len(body), size)], 5, msgpack=True) == ([], body)


def test_reading_again_forgets_the_last_answer() -> None:
    # A reader is used for one answer after the other; the first one ends inside a key that matters.
    assert read_embeddings([b"\x81\xa9emb"], 5, msgpack=True) == ([], b"\x81\xa9emb")
    assert read(msgpack.packb("x" * 1000)) == ([], "x" * 1000)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
    | st.sampled_from(["data", "embedding"])
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20))
)
keys = st.text(max_size=9) | st.sampled_from(["data", "embedding"]) | st.integers(0, 99)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
numbers = st.floats(allow_nan=False) | st.floats(allow_nan=False, width=32) | st.integers(-(2**63), 2**64 - 1)
items = st.tuples(
    st.dictionaries(st.text(max_size=8), values, max_size=2),
    st.lists(numbers, max_size=40),
    st.dictionaries(st.text(max_size=8), values, max_size=2),
)


@bounded
@given(st.lists(items, max_size=6), st.dictionaries(st.text(max_size=3), values, max_size=3), st.booleans(), st.data())
def test_round_trip(drawn: list[Any], around: dict[str, Any], single: bool, data: st.DataObject) -> None:
    rows = [{**before, "embedding": vector, **after} for before, vector, after in drawn]
    body = msgpack.packb({**around, "data": rows})
    pieces = []
    start = 0
    while start < len(body):
        size = data.draw(st.integers(1, 64)) if len(pieces) < 40 else len(body)
        pieces.append(body[start : start + size])
        start += size
    vectors, skeleton = read_embeddings(pieces, len(rows), msgpack=True)
    assert vectors == [in_float32(vector) for _, vector, _ in drawn]
    expected = msgpack.packb({**around, "data": [{**row, "embedding": k} for k, row in enumerate(rows)]})
    assert skeleton == expected


@bounded
@given(values, st.integers(1, 20))
def test_any_document(value: Any, size: int) -> None:
    body = msgpack.packb(value)
    try:
        vectors, skeleton = read_embeddings([body[i : i + size] for i in range(0, len(body), size)], 3, msgpack=True)
    except ValueError:
        assert isinstance(value, dict) and "data" in value
    else:
        assert vectors or skeleton == body


@bounded
@given(st.binary(max_size=200), st.integers(1, 20), st.sampled_from([b"", b"\x81\xa4data\x92\x82\xa9embedding"]))
def test_any_bytes(body: bytes, size: int, before: bytes) -> None:
    body = before + body

    def outcome(size: int) -> Any:
        try:
            return read_embeddings([body[i : i + size] for i in range(0, len(body), size)], 3, msgpack=True)
        except ValueError as refused:
            return str(refused)

    whole, cut = outcome(1000), outcome(size)
    assert repr(whole) == repr(cut)
