"""Embed: arguments, bodies, skeletons taken in, refusal of answers that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import Embed, Learned
from baseten_perf.policy import resolve
from baseten_perf.responses import OpenAIUsage

Make = Callable[..., Any]


def embed(input: Any, batch_size: int = 2, model: Any = "m", **options: Any) -> Embed:
    given: dict[str, Any] = {
        "encoding_format": None, "dimensions": None, "user": None, "url_path": None, "extra_body": None, "out": None,
        **options,
    }  # fmt: skip
    return Embed(Learned(), input, model, policy=resolve(batch_size=batch_size), **given)


def skeleton(*embeddings: Any, index: Any = range(10), **fields: Any) -> dict[str, Any]:
    """An answer as the decoder leaves it; `index=None` leaves the items without one."""
    data = []
    for k, embedding in enumerate(embeddings):
        item = {"object": "embedding", "index": index[k], "embedding": embedding} if index else {"embedding": embedding}
        data.append(item)
    usage = {"prompt_tokens": 3, "total_tokens": 4}
    return {"object": "list", "data": data, "model": "server-model", "usage": usage, **fields}


def test_bodies() -> None:
    operation = embed(["a", "é", "c"])
    assert (operation.name, operation.method, operation.path) == ("embed", "POST", "/v1/embeddings")
    assert operation.rows == [2, 1] and len(operation) == 2
    assert operation.body(0).decode() == '{"input":["a","é"],"model":"m"}'
    assert json.loads(operation.body(1))["input"] == ["c"]
    full = embed(["a"], encoding_format="base64", dimensions=5, user="u")
    assert full.body(0) == b'{"input":["a"],"model":"m","encoding_format":"base64","dimensions":5,"user":"u"}'


def test_equal_token_ids_are_sent_once() -> None:
    tokens = [[1, 2], [3], [1, 2], [1], [3], [2]]
    operation = Embed(Learned(), tokens, "m", *[None] * 6, resolve(batch_size=2, dedupe=True))
    assert [json.loads(operation.body(i))["input"] for i in range(2)] == [[[1, 2], [3]], [[1], [2]]]
    assert [list(operation.inputs(i)) for i in range(2)] == [[0, 1, 2, 4], [3, 5]]
    assert operation.rows == [2, 2] and operation.missing() == list(range(6))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"input": [], "model": "", "dimensions": 0}, ValueError, "Input list cannot be empty"),
        ({"model": "", "dimensions": 0}, ValueError, "Model name cannot be empty"),
        ({"model": " \t"}, ValueError, "Model name cannot be empty"),
        ({"dimensions": 0, "user": "u" * 1001}, ValueError, "Dimensions must be between 1 and 1000000"),
        ({"dimensions": 1000001}, ValueError, "Dimensions must be between 1 and 1000000"),
        ({"user": "é" * 501, "encoding_format": "x"}, ValueError, "User string cannot exceed 1000 characters"),
        ({"encoding_format": "Float"}, ValueError, "Encoding format must be 'float' or 'base64'"),
        ({"encoding_format": ""}, ValueError, "Encoding format must be 'float' or 'base64'"),
        ({"input": [], "model": 5}, TypeError, "model must be a str, not int"),
        ({"model": "m\ud800"}, UnicodeEncodeError, "'utf-8' codec"),
        ({"dimensions": "5"}, TypeError, "dimensions must be an int, not str"),
        ({"dimensions": -1}, OverflowError, "dimensions must not be negative"),
        ({"user": 5}, TypeError, "user must be a str, not int"),
    ],
)
def test_refused_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        embed(**{"input": ["a"], **options})
    assert str(caught.value).startswith(message)


def test_regular_batches_in_any_order(completion: Make, matrix: Make) -> None:
    operation = embed(["a", "b", "c"])
    block = matrix([[1, 2], [3, 4], [5, 6]])
    operation.accept(completion(skeleton(0), index=1, elapsed=2.0), block)
    partial = operation.response(0.0, block).data
    assert partial[:2] == [None, None] and (partial[2].index, partial[2].embedding) == (2, [5.0, 6.0])
    operation.accept(completion(skeleton(0, 1, model="first", object="liste")), block)
    response = operation.response(3.0, block)
    assert [item.embedding for item in response.data] == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert [item.index for item in response.data] == [0, 1, 2]
    assert (response.model, response.object, response.usage) == ("first", "liste", OpenAIUsage(6, 8))
    assert response.individual_request_times == [0.25, 2.0] and response.total_time == 3.0


def test_permuted_items_are_put_in_order(completion: Make, matrix: Make) -> None:
    operation = embed(list("abcd"), batch_size=3)
    block = matrix([[1], [2], [3], [9]])
    document = skeleton(0, 1, 2, index=[2, 0, 1])
    for item, name in zip(document["data"], "xyz", strict=True):
        item["object"] = name
    operation.accept(completion(document), block)
    operation.accept(completion(skeleton(0), index=1), block)
    data = operation.response(1.0, block).data
    assert [item.embedding for item in data] == [[2.0], [3.0], [1.0], [9.0]]
    assert [item.object for item in data] == ["y", "z", "x", "embedding"]
    assert [item.index for item in data] == [0, 1, 2, 3]


def test_permuted_odd_batch(completion: Make, matrix: Make, vectors: Make) -> None:
    operation = embed(list("abc"), batch_size=3)
    body = completion(skeleton(0, "not base64", -2, index=[2, 0, 1]), vectors=vectors([1.0], [0.0, 1.0]))
    operation.accept(body, None)
    assert [item.embedding for item in operation.response(1.0, None).data] == ["not base64", "AAAAAAAAgD8=", [1.0]]


def test_missing_everything_but_the_vectors(completion: Make, matrix: Make) -> None:
    operation = embed(["a", "b"], model="asked")
    block = matrix([[1], [2]])
    operation.accept(completion({"data": [{"embedding": 0}, {"embedding": 1, "index": None, "object": None}]}), block)
    response = operation.response(1.0, block)
    assert (response.model, response.object, response.usage) == ("asked", "list", OpenAIUsage(0, 0))
    assert [(item.index, item.object, item.embedding) for item in response.data] == [
        (0, "embedding", [1.0]),
        (1, "embedding", [2.0]),
    ]


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, (0, 0)),
        ([], (0, 0)),
        ({}, (0, 0)),
        ({"prompt_tokens": None, "total_tokens": 7}, (0, 7)),
        ({"prompt_tokens": -1, "total_tokens": "7"}, (0, 7)),
        ({"prompt_tokens": 7.0, "total_tokens": "07"}, (7, 7)),
        ({"prompt_tokens": 7.5, "total_tokens": "7.0"}, (0, 0)),
        ({"prompt_tokens": True, "total_tokens": "x"}, (0, 0)),
        ({"prompt_tokens": 2**40, "total_tokens": 2**40}, (2**40, 2**40)),
    ],
)
def test_usage_never_costs_the_embeddings(completion: Make, matrix: Make, usage: Any, counted: Any) -> None:
    operation = embed(["a"])
    operation.accept(completion(skeleton(0, usage=usage)), matrix([[1]]))
    assert operation.response(1.0, matrix([[1]])).usage == OpenAIUsage(*counted)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"data"', "line 1"),
        ([], "the answer must be an object, not array"),
        ({}, "missing field `data`"),
        ({"data": None}, "missing field `data`"),
        ({"data": {}}, "`data` must be a list, not object"),
        (skeleton(), "`data` has 0 items for 2 inputs"),
        (skeleton(0), "`data` has 1 items for 2 inputs"),
        (skeleton(0, 1, 2), "`data` has 3 items for 2 inputs"),
        ({"data": [{"embedding": 0}, {"index": 1}]}, "missing field `embedding`"),
        ({"data": [{"embedding": 0}, 5]}, "an item of `data` is not an object"),
        ({"data": [{"embedding": 0}, [1]]}, "an item of `data` is not an object"),
        (skeleton(0, None), "an `embedding` must be an array of numbers or a string, not null"),
        (skeleton(0, True), "an `embedding` must be an array of numbers or a string, not boolean"),
        (skeleton(0, 1.0), "an `embedding` must be an array of numbers or a string, not number"),
        (skeleton(0, {}), "an `embedding` must be an array of numbers or a string, not object"),
        (skeleton(1, 0), "the vectors do not match the items of `data`"),
        (skeleton(0, 0), "the vectors do not match the items of `data`"),
        (skeleton(0, 2), "the vectors do not match the items of `data`"),
        (skeleton(-2, -1), "the vectors do not match the items of `data`"),
    ],
)
def test_malformed_answers_leave_no_trace(completion: Make, matrix: Make, body: Any, reason: str) -> None:
    operation = embed(["z", "y", "a", "b"])
    block = matrix([[1], [2], [3], [4]])
    with pytest.raises(InvalidResponse) as caught:
        operation.accept(completion(body, index=1), block)
    text = str(caught.value)
    assert text.startswith("Failed to parse response JSON: error decoding response body: ") and reason in text
    assert "(batch 1, status 200, http://127.0.0.1:8080/v1/embeddings)" in text
    assert operation.response(0.0, block).data == [None] * 4
    assert block.tolist() == [[1], [2], [3], [4]]
    operation.accept(completion(skeleton(0, 1), index=1), block)
    assert [item.embedding for item in operation.response(0.0, block).data[2:]] == [[3.0], [4.0]]


@pytest.mark.parametrize("placed", [0, 1, 3])
@pytest.mark.parametrize("embeddings", [(0, 1), (-1, -2), (0, -2)])
def test_vectors_that_were_not_placed_are_refused(
    completion: Make, matrix: Make, vectors: Make, embeddings: tuple[int, int], placed: int
) -> None:
    block = matrix([[1], [2]])
    own = vectors(*[[1.0]] * placed)
    for answer in (
        completion(skeleton(*embeddings), placed=placed),
        completion(skeleton(*embeddings), placed=placed, vectors=own),
    ):
        operation = embed(["a", "b"])
        with pytest.raises(InvalidResponse, match="the vectors do not match"):
            operation.accept(answer, block)
        assert operation.response(0.0, block).data == [None, None]


ORDERS: list[tuple[list[Any], list[float]]] = [
    # distinct integers order the rows, whatever they start from and however they are written
    ([0, 1, 2], [1, 2, 3]),
    ([2, 0, 1], [2, 3, 1]),
    ([3, 1, 2], [2, 3, 1]),
    ([-7, 40, 5], [1, 3, 2]),
    (["2", "0", "1"], [2, 3, 1]),
    ([2.0, 0.0, 1.0], [2, 3, 1]),
    ([2.0, "0", 1], [2, 3, 1]),
    (["-1", -2, -3.0], [3, 2, 1]),
    ([2**70, 1e30, 0], [3, 1, 2]),
    # of anything else the order is that in which they came
    ([0, 0, 0], [1, 2, 3]),
    ([2, 1, 1], [1, 2, 3]),
    ([2, "2", 1], [1, 2, 3]),
    ([2, 2.0, 1], [1, 2, 3]),
    ([2, None, 1], [1, 2, 3]),
    ([2, 1.5, 1], [1, 2, 3]),
    ([True, False, 2], [1, 2, 3]),
    ([2, "x", 1], [1, 2, 3]),
    ([2, "", 1], [1, 2, 3]),
    ([2, "-", 1], [1, 2, 3]),
    ([2, "+1", 0], [1, 2, 3]),
    ([2, " 1", 0], [1, 2, 3]),
    ([2, "\u0661", 0], [1, 2, 3]),
    ([2, "1" * 5000, 1], [1, 2, 3]),
    ([[2], {}, 1], [1, 2, 3]),
]


@pytest.mark.parametrize(("index", "rows"), ORDERS, ids=lambda value: str(value)[:40])
def test_the_order_of_rows(completion: Make, matrix: Make, index: list[Any], rows: list[float]) -> None:
    body = json.dumps(skeleton(0, 1, 2, index=index)).encode()
    operation = embed(["a", "b", "c"], batch_size=3)
    block = matrix([[1], [2], [3]])
    operation.accept(completion(body, placed=3), block)
    assert [item.embedding for item in operation.response(1.0, block).data] == [[row] for row in rows]


@pytest.mark.parametrize("nonsense", [5, 1.5, [], {"id": "m"}, True])
def test_fields_that_nobody_needs(completion: Make, matrix: Make, nonsense: Any) -> None:
    operation = embed(["a", "b"], model="asked")
    block = matrix([[1], [2]])
    body = skeleton(0, 1, model=nonsense, object=nonsense, usage=nonsense)
    body["data"][0]["object"] = nonsense
    operation.accept(completion(body), block)
    response = operation.response(1.0, block)
    assert (response.model, response.object, response.usage) == ("asked", "list", OpenAIUsage(0, 0))
    assert [(item.object, item.embedding) for item in response.data] == [("embedding", [1.0]), ("embedding", [2.0])]


def test_regular_answers_are_remembered_in_a_byte_per_batch(completion: Make, matrix: Make) -> None:
    operation = embed(list("abcd"))
    block = matrix([[1], [2], [3], [4]])
    for batch, placeholders in enumerate([(0, 1), (-1, -2)]):
        operation.accept(completion(skeleton(*placeholders), index=batch), block)
    assert bytes(operation._states) == b"\x01\x02" and not operation._irregular and not operation._objects
