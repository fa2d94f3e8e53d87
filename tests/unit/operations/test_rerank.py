"""Rerank: bodies, merging, refusal of answers that do not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import Learned, Rerank
from baseten_perf.policy import resolve
from baseten_perf.responses import RerankResult

Make = Callable[..., Any]


def rerank(texts: Any, batch_size: int = 2, **options: Any) -> Rerank:
    given: dict[str, Any] = {
        "query": "q", "raw_scores": False, "model": None, "return_text": False, "truncate": False,
        "truncation_direction": "Right", "url_path": None, "extra_body": None, "api": "tei", "top_n": None, **options,
    }  # fmt: skip
    return Rerank(Learned(), texts=texts, policy=resolve(batch_size=batch_size), **given)


def test_bodies() -> None:
    operation = rerank(["a", "b", "c"])
    assert (operation.name, operation.method, operation.path, operation.rows) == ("rerank", "POST", "/rerank", None)
    assert operation.body(0) == (
        b'{"query":"q","raw_scores":false,"return_text":false,"texts":["a","b"],"truncate":false,'
        b'"truncation_direction":"Right"}'
    )
    assert json.loads(operation.body(1))["texts"] == ["c"]


def test_body_with_every_option() -> None:
    operation = rerank(
        ["é"], query="", model="", raw_scores=True, return_text=True, truncate=True, truncation_direction="up"
    )
    assert operation.body(0).decode() == (
        '{"query":"","model":"","raw_scores":true,"return_text":true,"texts":["é"],"truncate":true,'
        '"truncation_direction":"up"}'
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"texts": []}, ValueError, "Texts list cannot be empty"),
        ({"texts": {"a": 1}}, TypeError, "texts must be a str or a sequence of str, not dict"),
        ({"texts": [None]}, TypeError, "texts[0] is None; texts must be str"),
        ({"query": 5}, TypeError, "query must be a str, not int"),
        ({"query": "\udc00"}, UnicodeEncodeError, "'utf-8' codec"),
        ({"raw_scores": 1}, TypeError, "raw_scores must be a bool, not int"),
        ({"truncate": "x"}, TypeError, "truncate must be a bool, not str"),
        ({"truncation_direction": None}, TypeError, "truncation_direction must be a str, not NoneType"),
        ({"model": 4}, TypeError, "model must be a str, not int"),
    ],
)
def test_refused_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        rerank(**{"texts": ["a"], **options})
    assert str(caught.value).startswith(message)


def test_batches_are_concatenated_in_order_and_kept_in_the_servers(completion: Make) -> None:
    operation = rerank(["a", "b", "c"])
    operation.accept(completion([{"index": 0, "score": 1, "text": "c"}], index=1, elapsed=2.0), None)
    assert operation.response(0.0, None).data == [None, None, RerankResult(2, 1.0, "c")]
    operation.accept(completion([{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1, "text": None}]), None)
    response = operation.response(3.0, None)
    assert response.data == [RerankResult(1, 0.9), RerankResult(0, 0.1), RerankResult(2, 1.0, "c")]
    assert type(response.data[2].score) is float
    assert response.object == "list" and response.individual_request_times == [0.25, 2.0]


@pytest.mark.parametrize("index", [1, "1", 1.0])
@pytest.mark.parametrize("text", [5, {"text": "b"}, ["b"], True])
def test_fields_that_nobody_needs(completion: Make, index: Any, text: Any) -> None:
    operation = rerank(["a", "b"])
    items = [{"index": index, "score": 2, "text": text}, {"index": 0, "score": 1, "text": "a"}]
    operation.accept(completion(items), None)
    assert operation.response(0.0, None).data == [RerankResult(1, 2.0, None), RerankResult(0, 1.0, "a")]


def test_scores_that_are_no_numbers_are_read_as_python_reads_them(completion: Make) -> None:
    operation = rerank(["a", "b"])
    body = b'[{"index":1,"score":NaN,"text":"cut \\ud83d"},{"index":0,"score":-Infinity}]'
    operation.accept(completion(body), None)
    first, second = operation.response(0.0, None).data
    assert (first.index, first.text, math.isnan(first.score)) == (1, "cut \ud83d", True)
    assert second == RerankResult(0, -math.inf)


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        [],
        [{"index": 0, "score": 1}],
        [{"index": 0, "score": 1}] * 3,
        [{"index": 0, "score": 1}, {"index": 0, "score": 1}],
        [{"index": 0, "score": 1}, {"index": 2, "score": 1}],
        [{"index": 0, "score": 1}, {"index": -1, "score": 1}],
        [{"index": 0, "score": 1}, {"index": True, "score": 1}],
        [{"index": 0, "score": 1}, {"index": 1.5, "score": 1}],
        [{"index": 0, "score": 1}, {"index": "0", "score": 1}],
        [{"index": 1, "score": 1}, {"index": "2", "score": 1}],
        b'[{"index": 0, "score": 1}, {"index": 1, "score": 1%s}]' % (b"0" * 400),
        [{"index": 0, "score": 1}, {"index": None, "score": 1}],
        [{"index": 0, "score": 1}, {"score": 1}],
        [{"index": 0, "score": 1}, {"index": 1}],
        [{"index": 0, "score": 1}, {"index": 1, "score": None}],
        [{"index": 0, "score": 1}, {"index": 1, "score": True}],
        [{"index": 0, "score": 1}, {"index": 1, "score": "1"}],
        [{"index": 0, "score": 1}, 5],
        [{"index": 0, "score": 1}, [1, 2]],
    ],
)
def test_malformed_answers(completion: Make, body: Any) -> None:
    operation = rerank(["a", "b", "c"])
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON: error decoding response body: "):
        operation.accept(completion(body), None)
    assert operation.response(0.0, None).data == [None] * 3
