"""The structure of embeddings answers: which values are vectors, what stays as it is, what is an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.engine._engine import ReaderDriver

read_embeddings = ReaderDriver().read

Read = Callable[..., Any]
Sizes = tuple[int, ...]

ALIKE = [
    # any order of keys, any white space
    '{"data":[{"embedding":[1,2],"index":0},{"index":1,"embedding":[3,4]}],"model":"m"}',
    '{"model":"m","usage":{"prompt_tokens":1},"data":[{"index":0,"object":"embedding","embedding":[1]}]}',
    ' \r\n\t{ "data" :\n[ {\t"embedding" : [ 1 , 2\r\n,\t3 ] } , { "embedding":[ ] , "x" : [ 1 , { } ] } ] } \n',
    '{"data":[{"embedding":"AACAPw==" } , {"embedding"\n:\t"AACAPwAAAEA="}]}',
    '{"data":[]}', '{"data":[],"data2":[{"embedding":[1]}]}', "{}", "[]", "1", '"data"', "null", '{"data":null}',
    '{"data":{"embedding":[1,2]}}', '{"data":"embedding"}', '{"data":[1,[2],"embedding",null,{"a":1}]}',
    # empty vectors, and some of different lengths
    '{"data":[{"embedding":[]},{"embedding":[1]},{"embedding":[1,2,3]},{"embedding":""}]}',
    '{"data":[{"embedding":[1,2,3]},{"embedding":[]},{"embedding":"AACAPw=="},{"embedding":[4]}]}',
    # the same names elsewhere
    '{"embedding":[1],"data":[{"embedding":[2]}],"more":{"data":[{"embedding":[3]}]}}',
    '{"more":{"data":[{"embedding":[3]}]},"data":[{"embedding":[2],"data":[{"embedding":[4]}]}]}',
    '{"data":[{"deep":{"embedding":[1]},"list":[{"embedding":[2]}],"embedding":[3]}]}',
    '{"data":[[{"embedding":[1]}],{"embedding":[2]},[["embedding",[3]]]]}',
    '{"data":[{"x":"embedding","embedding":[1]},{"embedding2":[2],"xembedding":[3],"embeddin":[4],"Embedding":[5]}]}',
    '{"x":"data","y":[{"embedding":[1]}],"data":[{"embedding":[2]}]}',
    '{"x":["data",[{"embedding":[1]}],{"data":[{"embedding":[1]}]}],"data":[{"embedding":[2]}]}',
    '[{"data":[{"embedding":[1]}]}]', '["data",[{"embedding":[1]}]]', '[[{"embedding":[1]}],"data"]',
    # strings with everything that has a meaning outside them
    r'{"s":"\"data\":[{\"embedding\":[1]}]","data":[{"embedding":[2],"t":"},{\"embedding\":[3]"}]}',
    r'{"data":[{"t":"]}{[,:\\","embedding":[1]},{"t\"embedding\"":[2],"embedding":[3],"u":"\\\\\""}]}',
    r'{"data":[{"embedding":"not \"base64\" ],[{}","x":"y"},{"embedding":[2],"x":"embedding"}]}',
    r'{"data":[{"embedding":"AACAPw==AAAA\"AACAPw==","x":"],\"embedding\":[1]"},{"embedding":[2]}]}',
    r'{"data":[{"embedding":"\\","x":[1]},{"embedding":"\\\"","x":[2]},{"embedding":"\"","x":"[3]"},{"embedding":[4]}]}',
    r'{"data":[{"embedding":"0123456789abcde\\","x":"a"},{"embedding":"0123456789abcde\"","x":"b"},{"embedding":[5]}]}',
    '{"data":[{"embedding":"\u4e00\u00e9","x":"\U0001f600"},{"embedding":[2]}],"model":"\u00e9"}',
]  # fmt: skip


@pytest.mark.parametrize("text", ALIKE, ids=lambda text: text[:50])
def test_restored(text: str, sizes: Sizes, read: Read, reference: Read) -> None:
    """With the vectors put back, the skeleton is what was sent, whatever the reader took out."""
    body = text.encode()
    wanted = reference(body)
    for size in sizes:
        assert read(body, size) == wanted, size


def test_taken_out() -> None:
    body = b'{"data":[{"embedding":[1.5,-2]},{"index":1,"embedding":"AACAPw=="},{"embedding":[ ]}],"x":[1]}'
    vectors, skeleton = read_embeddings([body], 3)
    assert vectors == [[1.5, -2.0], [1.0], []]
    assert skeleton == b'{"data":[{"embedding":0},{"index":1,"embedding":-2},{"embedding":2}],"x":[1]}'


def escaped(name: str, *places: int) -> str:
    """The name as JSON may spell it: with an escape for the letters at these places."""
    return "".join(f"\\u{ord(c):04{'xX'[k % 2]}}" if k in places else c for k, c in enumerate(name))


SPELLINGS = [(), (0,), (8,), (3, 4), tuple(range(9))]


@pytest.mark.parametrize("embedding", [escaped("embedding", *places) for places in SPELLINGS])
@pytest.mark.parametrize("data", [escaped("data"), escaped("data", 1), escaped("data", 0, 1, 2, 3)])
def test_keys_mean_what_they_spell(embedding: str, data: str) -> None:
    """A key is the same however it is written, so no value of it is left to whoever reads the skeleton."""
    body = f'{{"{data}":[{{"{embedding}":[1,2.5]}},{{"{embedding}":"AACAPw==","x":1}}]}}'.encode()
    for step in (1, 2, 3, 7, 9, 64, 4096):
        vectors, skeleton = read_embeddings([body[i : i + step] for i in range(0, len(body), step)], 2)
        assert vectors == [[1.0, 2.5], [1.0]], step
        assert json.loads(skeleton) == {"data": [{"embedding": 0}, {"embedding": -2, "x": 1}]}, step
    with pytest.raises(ValueError, match="vector 0: neither an array of numbers nor a string"):
        read_embeddings([f'{{"{data}":[{{"{embedding}":0}}]}}'.encode()], 1)


@pytest.mark.parametrize(
    "key",
    [
        r"\\u0065mbedding", r"\u0065mbeddin", r"\u0065mbeddingg", r"\u0045mbedding", r"\u1065mbedding", r"\embedding",
        r"\u0065mbedding\u0000", r"embedding\u0020", escaped("embedding", *range(9)) + "x",
        escaped("embedding", *range(9)) + escaped("embedding", 3) * 5,
    ],
)  # fmt: skip
def test_keys_that_spell_something_else(key: str) -> None:
    body = f'{{"data":[{{"{key}":[1,2.5]}},{{"embedding":[3]}}]}}'.encode()
    for step in (1, 2, 3, 7, 9, 64, 4096):
        vectors, skeleton = read_embeddings([body[i : i + step] for i in range(0, len(body), step)], 2)
        assert vectors == [[3.0]], step
        assert skeleton == body.replace(b"[3]", b"0"), step


@pytest.mark.parametrize(
    "value", ["null", "true", "1", "-1", "[[1]]", '["1"]', "[null]", "[true]", "[{}]", "[1,[2]]", "nul", "[1,NaN]"]
)
def test_neither_numbers_nor_text(value: str) -> None:
    body = f'{{"data":[{{"embedding":[7]}},{{"embedding":{value}}}]}}'.encode()
    for step in (1, 2, 3, 6, 7, 64, 4096):
        with pytest.raises(ValueError, match=r"^vector 1: "):
            read_embeddings([body[i : i + step] for i in range(0, len(body), step)], 2)


def test_an_object_stays() -> None:
    body = b'{"data":[{"embedding":{"embedding":[1],"int8":[2]}},{"embedding":[3]}]}'
    vectors, skeleton = read_embeddings([body], 2)
    assert vectors == [[3.0]]
    assert json.loads(skeleton)["data"] == [{"embedding": {"embedding": [1], "int8": [2]}}, {"embedding": 0}]


@pytest.mark.parametrize("most", [0, 1, 2, 5])
@pytest.mark.parametrize("vector", ["[1,2]", '"AACAPw=="', "[]"])
def test_more_vectors_than_inputs(most: int, vector: str) -> None:
    def reading(count: int, step: int) -> int:
        body = ('{"data":[' + ",".join([f'{{"embedding":{vector}}}'] * count) + "]}").encode()
        return len(read_embeddings([body[i : i + step] for i in range(0, len(body), step)], most)[0])

    for step in (1, 2, 3, 6, 7, 64, 4096):
        assert reading(most, step) == most
        with pytest.raises(ValueError, match=f"^vector {most}: more vectors than inputs$"):
            reading(most + 1, step)


@pytest.mark.parametrize("text", ALIKE[:5] + ALIKE[21:24], ids=lambda text: text[:50])
def test_cut_anywhere(text: str) -> None:
    body = text.strip().encode()
    for end in range(len(body)):
        for size in (1, 5, 4096):
            with pytest.raises(ValueError):
                _, skeleton = read_embeddings([body[i : min(end, i + size)] for i in range(0, end, size)], 9)
                json.loads(skeleton)


def test_deep_and_unbalanced() -> None:
    for body in (b"[" * 100000, b"{" * 100000, b'{"data":' * 1000, b"]" * 1000, b"}{" * 1000, b'{"data":[' + b"{" * 99):
        vectors, skeleton = read_embeddings([body], 3)
        assert (vectors, skeleton) == ([], body)


def test_pieces_of_nothing() -> None:
    assert read_embeddings([], 1) == ([], b"")
    assert read_embeddings([b"", b"{", b"", b"}", b""], 1) == ([], b"{}")
    with pytest.raises(TypeError):
        read_embeddings(["{}"], 1)


def test_after_a_failure_the_rest_is_swallowed() -> None:
    body = b'{"data":[{"embedding":[1,x]},{"embedding":[1,y]}]}' + b"[" * 1000
    with pytest.raises(ValueError, match=r"^vector 0: an element is not a number$"):
        read_embeddings([body[:30], body[30:]], 9)
