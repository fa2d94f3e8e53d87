"""The numbers: float32 exactly as the server meant them, from decimals and from base64."""

from __future__ import annotations

import base64
import struct
from typing import Any

import numpy
import orjson
import pytest
from pytest_httpserver import HTTPServer

from baseten_perf import InvalidResponse, PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(100)]


def answered(httpserver: HTTPServer, *vectors: str, **given: Any) -> Any:
    """Embed as many texts as there are vectors, which are JSON text and the server's answer."""
    items = ",".join(f'{{"object":"embedding","index":{k},"embedding":{v}}}' for k, v in enumerate(vectors))
    httpserver.expect_request("/v1/embeddings").respond_with_data(f'{{"object":"list","data":[{items}]}}')
    return PerformanceClient(httpserver.url_for(""), "k").embed(["x"] * len(vectors), "m", **given)


def encoded(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("encoding_format", [None, "float", "base64"])
@pytest.mark.parametrize("dimensions", [1, 2, 3, 384, 1536])
def test_exactly_the_server_s(client: PerformanceClient, encoding_format: str | None, dimensions: int) -> None:
    response = client.embed(TEXTS, "m", encoding_format, dimensions, batch_size=30)
    array = response.numpy()
    expected = embeddings(TEXTS, dimensions)
    assert array.shape == (100, dimensions)
    assert array.dtype == numpy.float32
    assert numpy.array_equal(array, expected)
    for item, row in zip(response.data, expected, strict=True):
        if encoding_format == "base64":
            assert item.embedding == base64.b64encode(row.tobytes()).decode()
        else:
            assert item.embedding == row.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "[0.1,-0.1,1e-7,1E+5,123456789.123456789,1e-45,1e-46,3.4028235e38,0,-0.0,1,-7]",
        "[0.333333333333333333333333333333333333333333,16777217,16777219,8388609.5,1.17549435e-38,5e-324]",
        "[ 1.5 ,\n2.5\t,\r\n 3.5 ]",
        "[1e39,-1e39]",
        "[7.038531e-26,1.00000005960464477540,0.50000002980232238770]",
    ],
)
def test_decimals_are_rounded_as_numpy_rounds(httpserver: HTTPServer, text: str) -> None:
    with numpy.errstate(over="ignore"):
        expected = numpy.array([float(number) for number in text.strip("[]").split(",")]).astype(numpy.float32)
    response = answered(httpserver, text)
    assert numpy.array_equal(response.numpy()[0], expected)
    assert numpy.array_equal(numpy.signbit(response.numpy()[0]), numpy.signbit(expected))
    assert response.data[0].embedding == expected.tolist()


def test_ten_thousand_random_decimals(httpserver: HTTPServer) -> None:
    numbers = numpy.random.default_rng(7).standard_normal(10000) * 10.0 ** numpy.arange(-20, 20).repeat(250)
    response = answered(httpserver, orjson.dumps(numbers.tolist()).decode())
    assert numpy.array_equal(response.numpy()[0], numbers.astype(numpy.float32))


def test_large_arrays_are_independent_of_each_other(client: PerformanceClient) -> None:
    # 72 MB: beyond the size from which copies of the rows are private mappings of one file.
    texts = [f"text {i % 50}" for i in range(4500)]
    expected = embeddings(texts[:50], 4000)
    response = client.embed(texts, "m", "base64", 4000, batch_size=50)
    first, second = response.numpy(), response.numpy()
    assert first.shape == (4500, 4000) and first.flags.writeable and first.flags.c_contiguous
    first[:] = 7.0
    response_again = response.numpy()
    del response, first
    for array in (second, response_again):
        assert all(numpy.array_equal(array[start : start + 50], expected) for start in range(0, 4500, 50))


def test_base64_that_was_not_asked_for(httpserver: HTTPServer) -> None:
    response = answered(httpserver, f'"{encoded(1.5, -2.5)}"', f'"{encoded(0.1, 3)}"', encoding_format="float")
    assert response.data[0].embedding == encoded(1.5, -2.5)
    assert numpy.array_equal(response.numpy(), numpy.array([[1.5, -2.5], [0.1, 3]], dtype=numpy.float32))


def test_floats_where_base64_was_asked_for(httpserver: HTTPServer) -> None:
    response = answered(httpserver, "[1.5,-2.5]", encoding_format="base64")
    assert response.data[0].embedding == [1.5, -2.5]
    assert response.numpy().tolist() == [[1.5, -2.5]]


def test_both_in_one_answer(httpserver: HTTPServer) -> None:
    response = answered(httpserver, "[1.5,-2.5]", f'"{encoded(0.5, 4)}"', "[3,4]")
    assert [item.embedding for item in response.data] == [[1.5, -2.5], encoded(0.5, 4), [3.0, 4.0]]
    assert response.numpy().tolist() == [[1.5, -2.5], [0.5, 4.0], [3.0, 4.0]]


def test_base64_with_escaped_slashes(httpserver: HTTPServer) -> None:
    # Some JSON writers escape "/", which is a letter of the base64 alphabet.
    number = struct.unpack("<f", b"\xff\xff\xff\x3f")[0]
    assert "/" in encoded(number)
    text = encoded(number).replace("/", "\\/")
    assert answered(httpserver, f'"{text}"').numpy().tolist() == [[number]]


@pytest.mark.parametrize("text", ["not base64!", "AAA", "AAAA", "AAAAA===", ""])
def test_strings_that_are_no_base64_vector(httpserver: HTTPServer, text: str) -> None:
    response = answered(httpserver, f'"{text}"')
    assert response.data[0].embedding == text
    if text:
        with pytest.raises(ValueError) as caught:
            response.numpy()
        assert str(caught.value) == (
            "Cannot convert to array: found Base64 encoded embedding at index 0. Only float vectors are supported."
        )


@pytest.mark.parametrize("vectors", [["[1,2]", "[3]"], ["[1]", "[2,3]"], ["[]", "[1]"], ["[1,2]", '"AACAPw=="']])
def test_ragged_vectors(httpserver: HTTPServer, vectors: list[str]) -> None:
    response = answered(httpserver, *vectors)
    lengths = []
    for item, vector in zip(response.data, vectors, strict=True):
        value = orjson.loads(vector)
        assert item.embedding == value
        lengths.append(1 if isinstance(value, str) else len(value))
    with pytest.raises(ValueError) as caught:
        response.numpy()
    expected = f"All embeddings must have the same dimension. Expected {lengths[0]} but got {lengths[1]} at index 1."
    assert str(caught.value) == expected


def test_ragged_vectors_in_every_batch(server: Server) -> None:
    client = PerformanceClient(server.faulty(ragged=True), "k")
    response = client.embed(TEXTS, "m", dimensions=5, batch_size=10)
    expected = embeddings(TEXTS, 5)
    for i, item in enumerate(response.data):
        assert item.embedding == expected[i][: 4 if i % 10 == 9 else 5].tolist()
    with pytest.raises(ValueError, match=r"Expected 5 but got 4 at index 9\."):
        response.numpy()


def test_empty_vectors(httpserver: HTTPServer) -> None:
    response = answered(httpserver, "[]", "[]")
    assert [item.embedding for item in response.data] == [[], []]
    assert response.numpy().shape == (2, 0)


@pytest.mark.parametrize(
    "vector",
    [
        "null", "[null]", "[1,null]", "[[1]]", "[1,[2]]", "[true]", '["1"]', "{}", "1", "true", "[NaN]", "[1e999]",
        "[-]", "[1,]", "[,1]", "[1 2]", "[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[Infinity]", "[0x1]", "[1", "[1]]",
        '"AAAA', "",
    ],
)  # fmt: skip
def test_what_is_no_vector(httpserver: HTTPServer, vector: str) -> None:
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON: error decoding response body"):
        answered(httpserver, vector)


@pytest.mark.parametrize("faults", [{"null_embedding": True}, {"nan": True}, {"missing": "embedding"}], ids=str)
def test_faulty_vectors(server: Server, faults: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        PerformanceClient(server.faulty(**faults), "k").embed(TEXTS, "m", batch_size=10)


def test_an_escaped_key(httpserver: HTTPServer) -> None:
    body = '{"dat\\u0061":[{"\\u0065mbedding":[1.5,0.1],"index":0}]}'
    httpserver.expect_request("/v1/embeddings").respond_with_data(body)
    response = PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")
    assert response.numpy().tolist() == numpy.array([[1.5, 0.1]], dtype=numpy.float32).tolist()
    assert response.data[0].embedding == pytest.approx([1.5, 0.1])


def test_other_keys_named_embedding(httpserver: HTTPServer) -> None:
    body = (
        '{"embedding":[9,9],"x":{"data":[{"embedding":[8]}]},"data":[{"extra":{"embedding":[7]},"embedding":[1.5],'
        '"index":0,"more":[{"embedding":[6]}]}],"usage":{"embedding":[5]}}'
    )
    httpserver.expect_request("/v1/embeddings").respond_with_data(body)
    response = PerformanceClient(httpserver.url_for(""), "k").embed(["a"], "m")
    assert response.numpy().tolist() == [[1.5]]
